"""Tables in Markdown, which read well in a terminal too."""

from collections.abc import Sequence

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Its head and its rows."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned; nothing without rows."""
    if not rows:
        return ""
    widths = [max(3, *map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
