"""From marks of several processes to the steps of a request."""

import json

import pytest

from bench import steps
from bench.load import Request
from bench.marked import SEAMS, Seam, marking, owner_of
from bench.micro import waterfall
from bench.one_client import head_of, rest_of
from bench.steps import CLIENT, GATEWAY, MOMENTS, TODOS, Mark

STEP_NS, PAUSE_NS = 2000, 500_000


def marks_of(requests: int) -> dict[str, list[Mark]]:
    """Two microseconds between each pair of moments."""
    marks: dict[str, list[Mark]] = {CLIENT: [], GATEWAY: [], TODOS: []}
    for number in range(requests):
        for at, moment in enumerate(MOMENTS):
            marks[moment.process].append((moment.key, number * PAUSE_NS + at * STEP_NS))
    return marks


def test_every_step_lies_between_two_moments_that_follow_on_each_other() -> None:
    times = steps.requests(marks_of(3))
    assert (len(times), steps.medians(times)) == (3, [2.0] * (len(MOMENTS) - 1))
    assert steps.total(times) == 2.0 * (len(MOMENTS) - 1)


def test_a_request_that_lacks_a_mark_is_left_out() -> None:
    marks = marks_of(3)
    marks[TODOS] = [mark for mark in marks[TODOS] if mark[0] != "told" or mark[1] < PAUSE_NS]
    assert len(steps.requests(marks)) == 1


def test_what_else_a_process_does_meanwhile_is_passed_over() -> None:
    marks = marks_of(2)
    marks[GATEWAY].append(("reply", 3))  # before the call was written: no reply to it
    marks[TODOS] += [("replied", 1), ("replied", PAUSE_NS - 1)]  # acknowledgements
    disturbed = {process: sorted(all_of, key=lambda mark: mark[1]) for process, all_of in marks.items()}
    assert steps.requests(disturbed) == steps.requests(marks_of(2))


def test_steps_are_of_the_faster_half_of_the_requests() -> None:
    assert steps.faster_half([(0, 9), (5, 6), (0, 5)]) == [(5, 6), (0, 5)]


def test_steps_are_added_up_by_where_they_were_spent() -> None:
    found = steps.by_place([1.0] * (len(MOMENTS) - 1))
    assert sum(found.values()) == len(MOMENTS) - 1
    assert found[steps.BROKER] == 4


def test_each_moment_of_a_process_has_its_seam() -> None:
    marked = {name: {mark for seam in SEAMS[name] for mark in seam[2:] if mark} for name in SEAMS}
    wanted = {name: {one.key for one in MOMENTS if one.process == name} for name in SEAMS}
    assert marked == wanted


@pytest.mark.parametrize("seam", [seam for one in SEAMS.values() for seam in one])
def test_the_method_at_each_seam_is_still_there(seam: Seam) -> None:
    assert callable(getattr(owner_of(seam), seam.method))


def test_a_marked_function_does_what_it_did_and_marks_its_end_also_when_it_raises() -> None:
    marks: list[Mark] = []
    number = marking(int, Seam("", "", "begins", "ends"), marks)
    assert number("7") == 7
    with pytest.raises(ValueError, match="seven"):
        number("seven")
    assert [key for key, _ in marks] == ["begins", "ends", "begins", "ends"]
    assert [when for _, when in marks] == sorted(when for _, when in marks)


def test_the_client_reads_until_the_answer_is_complete() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n"
    assert [rest_of(answer[:9]), rest_of(answer), rest_of(answer + b"12345")] == [1, 5, 0]
    with pytest.raises(RuntimeError, match="503"):
        rest_of(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")


def test_the_client_asks_with_its_token() -> None:
    asked = head_of(Request("http://127.0.0.1:3000/api/todos", "t0ken"))
    assert asked.startswith(b"GET /api/todos HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n")
    assert asked.endswith(b"Authorization: Bearer t0ken\r\n\r\n")


def test_the_tables_show_steps_sums_and_what_marks_cost() -> None:
    marks = json.loads(json.dumps(marks_of(2)))
    found = waterfall.figures_of(marks, [("sent", 0), ("received", 40_000)], mark_ns=500.0)
    (_, rows), (_, sums) = waterfall.tables({"get": found, "list": found})
    assert rows[0][0] == "request line read"
    assert {row[2:] for row in rows} == {("2", "2")}
    told = {row[0]: row[1] for row in sums}
    assert told["the same without marks"] == "40"
    assert told["sum of the steps"] == told["the whole, faster half"] == str(2 * len(rows))
