"""The ids of the events that a line of the log is about."""

from typing import Any

from common.told import AT_ONCE, ids_of


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"request_id": f"r-{number}", "traceparent": f"00-{number:032x}-{7:016x}-01", **fields}


def test_one_has_its_request_and_its_trace() -> None:
    assert ids_of([event(1)]) == {"request_id": "r-1", "trace_id": f"{1:032x}"}


def test_several_have_all_of_theirs_each_once() -> None:
    found = ids_of([event(1), event(2), event(1)])
    assert found == {"request_ids": "r-1 r-2", "trace_ids": f"{1:032x} {2:032x}"}


def test_what_belongs_to_no_trace_or_comes_from_outside_is_no_matter() -> None:
    assert ids_of([event(1, traceparent=None), {"request_id": None, "traceparent": 5}]) == {
        "request_ids": "r-1"
    }
    assert ids_of([{}]) == {}


def test_a_line_stays_short_however_long_the_ids_are() -> None:
    found = ids_of([event(number, request_id=f"{number}" + "x" * 10_000) for number in range(AT_ONCE)])
    assert sum(map(len, found.values())) < 25_000
