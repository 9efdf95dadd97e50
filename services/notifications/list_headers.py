"""The headers by which a mail program offers to unsubscribe with one click (RFC 2369, RFC 8058)."""

UNFOLDED = frozenset(("List-Unsubscribe",))
"""What stands on one line: folding would make encoded words of a long address, which no program undoes."""


def one_click(url: str | None) -> dict[str, str]:
    """Return the two headers for an unsubscribe link, none without one."""
    if url is None:
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
