"""The line for an entrypoint that has ended: how loud it is."""

import io
import json
import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, InternalServerError, LengthRequired

from common import entrypoint_log
from common import logging as suite_logging
from common.entrypoint_log import EntrypointLog
from common.failures import PermanentFailure, Postponed, TemporaryFailure
from common.sampling import Sample
from common.told import ids_of


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    found, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(found), root.level
    handler.setFormatter(suite_logging.formatter("json"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield found
    suite_logging.bind_ids({})
    root.removeHandler(handler)
    root.setLevel(level)


def ended(error: Exception | None = None, ago: float = 0.0, **data: Any) -> None:
    """A handler of events has ended so, after so many seconds."""
    entrypoint = SimpleNamespace(kind="event", method_name="handle_it")
    worker: Any = SimpleNamespace(
        began_at=time.perf_counter() - ago,
        span=None,
        entrypoint=entrypoint,
        service_name="todos",
        data=data,
        call_id="todos.handle_it.c-1",
    )
    writer, exc_info = EntrypointLog(), (type(error), error, None)
    writer._sample = Sample(1.0)
    entrypoint_log.bind(worker)
    writer.worker_result(worker, None, exc_info if error else None)


def told(lines: io.StringIO) -> list[tuple[str, str, str]]:
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [(one["level"], one["event"], one["outcome"]) for one in found]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"), (TemporaryFailure("away", "Away."), "postponed"),
        (Postponed("busy", "Busy.", 1), "postponed"), (PermanentFailure("bad", "Bad."), "rejected"),
    ],
)  # fmt: skip
def test_what_the_delivery_of_an_event_warns_of_is_no_warning_here(
    lines: io.StringIO, error: Exception | None, outcome: str
) -> None:
    ended(error)
    assert told(lines) == [("info", "event_handled", outcome)]


def test_what_is_slow_or_unforeseen_is_loud(lines: io.StringIO) -> None:
    ended(ago=entrypoint_log.SLOW_MS / 1000 + 1)
    ended(ValueError("x"))
    assert told(lines) == [("warning", "event_handled", "ok"), ("error", "entrypoint_failed", "failed")]


@pytest.mark.parametrize("error", [None, ValueError("x")])
def test_events_handled_together_are_found_by_each_of_their_requests_and_traces(
    lines: io.StringIO, error: Exception | None
) -> None:
    events = [
        {"request_id": f"r-{number}", "traceparent": f"00-{number:032x}-{7:016x}-01"} for number in (1, 2)
    ]
    ended(error, events=2, ids=ids_of(events))
    ended(error, events=1, ids=ids_of(events[:1]))
    many, one = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert (many["events"], many["request_ids"]) == (2, "r-1 r-2")
    assert many["trace_ids"] == f"{1:032x} {2:032x}"
    assert (one["request_id"], one["trace_id"]) == ("r-1", f"{1:032x}")
    assert not {"request_ids", "events"} & one.keys()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (LengthRequired(), ("info", "event_handled", "refused")),
        (InternalServerError(), ("error", "entrypoint_failed", "failed")),
        (HTTPException(), ("error", "entrypoint_failed", "failed")),
    ],
)
def test_what_a_client_did_wrong_is_no_error_of_ours(
    lines: io.StringIO, error: HTTPException, line: tuple[str, str, str]
) -> None:
    ended(error)
    assert told(lines) == [line]
