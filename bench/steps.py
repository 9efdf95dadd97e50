"""The moments of one request in their order, and from marks of several processes to the time between them."""

import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

CLIENT, GATEWAY, TODOS = "client", "gateway", "todos"
BROKER, DATABASE = "RabbitMQ and sockets", "MongoDB and sockets"
Mark = tuple[str, int]
"""What has happened, and when (``time.monotonic_ns``, the same clock in all processes of a machine)."""


@dataclass(frozen=True)
class Moment:
    """One moment: in which process, its key, what it ends, and whose the time before it was."""

    process: str
    key: str
    title: str
    spent_in: str


MOMENTS = (
    Moment(CLIENT, "sent", "request sent by the client", CLIENT),
    Moment(GATEWAY, "line", "request line read", "client's sockets"),
    Moment(GATEWAY, "head", "head read", GATEWAY),
    Moment(GATEWAY, "called", "WSGI environment made", GATEWAY),
    Moment(GATEWAY, "routed", "request object made, route found", GATEWAY),
    Moment(GATEWAY, "admitted", "admitted: token (limits are off)", GATEWAY),
    Moment(GATEWAY, "began", "worker begun", GATEWAY),
    Moment(GATEWAY, "encoded", "call encoded", GATEWAY),
    Moment(GATEWAY, "written", "call written", BROKER),
    Moment(TODOS, "read", "delivery read in todos", BROKER),
    Moment(TODOS, "taken", "frames read", TODOS),
    Moment(TODOS, "decoded", "body decoded", TODOS),
    Moment(TODOS, "admitted", "admitted: token once more", TODOS),
    Moment(TODOS, "began", "worker begun, in a green thread of its own", TODOS),
    Moment(TODOS, "asking", "query encoded by the driver", TODOS),
    Moment(TODOS, "asked", "query sent to MongoDB", DATABASE),
    Moment(TODOS, "told", "answer of MongoDB read", DATABASE),
    Moment(TODOS, "done", "BSON decoded, todo made", TODOS),
    Moment(TODOS, "encoded", "result encoded", TODOS),
    Moment(TODOS, "replied", "reply written", BROKER),
    Moment(GATEWAY, "reply", "reply read in the gateway", BROKER),
    Moment(GATEWAY, "woken", "frames read, caller woken", GATEWAY),
    Moment(GATEWAY, "result", "reply decoded", GATEWAY),
    Moment(GATEWAY, "shown", "answer encoded, its object made", GATEWAY),
    Moment(GATEWAY, "logged", "headers complete", GATEWAY),
    Moment(GATEWAY, "writing", "answer's bytes together", GATEWAY),
    Moment(CLIENT, "received", "answer written, and read by the client", "client's sockets"),
)


def requests(marks: dict[str, list[Mark]]) -> list[list[int]]:
    """For each request the times of all moments; requests that lack one are left out.

    The client asks one thing after the other, so what lies between two of its requests belongs to the
    first. Of each moment the first that follows on the one before it in the same process counts.
    """
    sent = [when for key, when in marks[CLIENT] if key == "sent"]
    found = [_between(marks, begin, end) for begin, end in zip(sent, [*sent[1:], 2**63], strict=True)]
    return [times for times in found if times]


def _between(marks: dict[str, list[Mark]], begin: int, end: int) -> list[int]:
    places = {process: bisect_left(all_of, begin, key=_when) for process, all_of in marks.items()}
    times = []
    for moment in MOMENTS:
        all_of, place = marks[moment.process], places[moment.process]
        while place < len(all_of) and all_of[place][0] != moment.key:
            place += 1
        if place == len(all_of) or all_of[place][1] >= end:
            return []
        times.append(all_of[place][1])
        places[moment.process] = place + 1
    return times


def _when(mark: Mark) -> int:
    return mark[1]


def faster_half(times: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """Those that were hardly disturbed by what else the machine does: not slower than the median."""
    return sorted(times, key=lambda one: one[-1] - one[0])[: (len(times) + 1) // 2]


def medians(times: Sequence[Sequence[int]]) -> list[float]:
    """The median microseconds of each step: from one moment to the next."""
    pairs = range(1, len(MOMENTS))
    return [statistics.median(one[at] - one[at - 1] for one in times) / 1000 for at in pairs]


def total(times: Sequence[Sequence[int]]) -> float:
    """The median microseconds from the first moment to the last."""
    return statistics.median(one[-1] - one[0] for one in times) / 1000


def by_place(steps: Sequence[float]) -> dict[str, float]:
    """The microseconds of the steps, added up by where they were spent."""
    found: dict[str, float] = defaultdict(float)
    for moment, microseconds in zip(MOMENTS[1:], steps, strict=True):
        found[moment.spent_in] += microseconds
    return dict(found)
