"""Who calls whom, drawn from the spans that a collector was sent, as a Mermaid flowchart."""

from collections.abc import Iterable

from tests.collector import Span

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
_SERVERS = {
    "mongodb": "mongodb[(MongoDB)]",
    "postgresql": "postgresql[(PostgreSQL)]",
    "smtp send": "smtp([mail server])",
}
"""What a span of one that is asked is called, and how that is drawn."""
_ARROWS = {SERVER: "-->|calls|", CONSUMER: "-. events .->", CLIENT: "---"}
Edge = tuple[str, int, str]


def edges(spans: Iterable[Span]) -> set[Edge]:
    """From whom to whom, by calls (SERVER), by events (CONSUMER), or to a server of others (CLIENT)."""
    by_id = {span.span_id: span for span in spans}
    found = set()
    for span in by_id.values():
        above = by_id.get(span.parent_id)
        if span.kind == CLIENT and span.name in _SERVERS:
            found.add((span.service, CLIENT, _SERVERS[span.name]))
        elif above and (above.kind, span.kind) in ((CLIENT, SERVER), (PRODUCER, CONSUMER)):
            found.add((above.service, span.kind, span.service))
    return found


def draw(found: set[Edge]) -> str:
    """The picture; the same edges always make the same text."""
    lines = [f"  {one} {_ARROWS[kind]} {other}" for one, kind, other in sorted(found)]
    return "\n".join(["```mermaid", "flowchart LR", "  client([HTTP client]) --> gateway", *lines, "```"])
