"""What a line of the log says of the events that it is about: the ids by which they are looked for."""

from collections.abc import Iterable, Sequence
from typing import Any

from common import tracing
from common.events import TRACEPARENT

AT_ONCE = 100
"""The most events that one line tells of, so that it stays some kilobytes long."""
_LONGEST = 200
Payload = dict[str, Any]


def ids_of(events: Sequence[Payload]) -> dict[str, str]:
    """Of one event its request and trace, of several all of theirs, each once."""
    requests = _each_once(event.get("request_id") for event in events)
    traces = _each_once(tracing.trace_id(str(event.get(TRACEPARENT) or "")) for event in events)
    names = ("request_id", "trace_id") if len(events) == 1 else ("request_ids", "trace_ids")
    return {name: found for name, found in zip(names, (requests, traces), strict=True) if found}


def _each_once(ids: Iterable[Any]) -> str:
    return " ".join(dict.fromkeys(str(one)[:_LONGEST] for one in ids if one))
