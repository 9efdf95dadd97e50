"""Reads that one asks for again while they are being made: how many are made, when, and what each is told."""

import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import eventlet
import pytest
from eventlet.event import Event

from common.errors import Unavailable
from common.shared_read import SharedRead


class Source:
    """Something that changes, and is read when it is let."""

    def __init__(self) -> None:
        self.shared = SharedRead()
        self.value = 0
        self.read: list[tuple[Any, int]] = []
        self.gates: list[Event] = []

    def ask(self, question: Any = "q") -> Any:
        """What is asked together is read together, as it is when the read ends."""
        return self.shared.read(question, lambda askers: self._look(question, len(askers)))

    def _look(self, question: Any, askers: int) -> Any:
        self.read.append((question, askers))
        value, gate = self.value, Event()
        self.gates.append(gate)
        gate.wait()
        return value

    def begin(self, count: int = 1, question: Any = "q") -> list[Any]:
        begun = [eventlet.spawn(self.ask, question) for _ in range(count)]
        eventlet.sleep(0)
        return begun

    def end(self, problem: Exception | None = None) -> None:
        """End the oldest read that is under way."""
        gate = self.gates.pop(0)
        gate.send_exception(problem) if problem else gate.send(None)
        eventlet.sleep(0)

    def has_read(self, times: int) -> bool:
        return len(self.read) == times

    @property
    def counts(self) -> list[int]:
        return [askers for _, askers in self.read]


@pytest.fixture
def source() -> Source:
    return Source()


def soon(condition: Callable[[], bool]) -> None:
    with eventlet.Timeout(2):
        while not condition():
            eventlet.sleep(0.0005)


def test_one_who_asks_again_and_again_waits_for_nobody(source: Source) -> None:
    for number in range(5):
        source.value = number
        (one,) = source.begin()
        assert len(source.read) == number + 1  # at once
        source.end()
        assert one.wait() == number
    assert source.counts == [1] * 5


def test_who_asks_during_a_read_shares_the_next_and_sees_what_changed_meanwhile(source: Source) -> None:
    first = source.begin()
    source.value = 1  # written by one of those who ask now
    others = source.begin(5)
    assert source.counts == [1]
    source.end()
    soon(lambda: len(source.read) == 2)
    source.end()
    assert [one.wait() for one in first] == [0]
    assert [one.wait() for one in others] == [1] * 5
    assert source.counts == [1, 5]


def test_different_questions_do_not_wait_for_each_other(source: Source) -> None:
    begun = [*source.begin(1, "a"), *source.begin(1, "b"), *source.begin(1, ("a", "b"))]
    assert [question for question, _ in source.read] == ["a", "b", ("a", "b")]
    for _ in begun:
        source.end()
    assert [one.wait() for one in begun] == [0, 0, 0]


def test_those_who_shared_a_read_and_ask_again_share_the_next(source: Source) -> None:
    def without_pause(rounds: int) -> None:
        for _ in range(rounds):
            source.ask()

    clients = [eventlet.spawn(without_pause, 6) for _ in range(5)]
    for number in range(1, 8):
        soon(partial(source.has_read, number))
        source.end()
    for one in clients:
        one.wait()
    assert source.counts == [1, 5, 5, 5, 5, 5, 4]


def test_who_shared_a_read_and_does_not_come_again_is_not_waited_for_long(source: Source) -> None:
    source.begin()
    source.begin(6)
    source.end()
    soon(lambda: len(source.read) == 2)
    source.end()  # all seven have their answer, and one asks again
    started = time.monotonic()
    source.begin()
    soon(lambda: len(source.read) == 3)
    assert time.monotonic() - started < 0.5
    source.end()
    assert source.counts == [1, 6, 1]


def test_of_many_half_are_company_enough(source: Source) -> None:
    source.begin()
    source.begin(31)
    source.end()
    soon(lambda: len(source.read) == 2)
    source.begin(15)
    source.end()
    assert source.counts == [1, 31]  # 46 have asked: 23 are waited for, for a moment
    source.begin(8)
    soon(lambda: len(source.read) == 3)
    assert source.counts == [1, 31, 23]


def test_a_read_that_takes_long_holds_up_no_other(source: Source) -> None:
    first = source.begin()
    second = source.begin(3)
    soon(lambda: source.counts == [1, 3])
    source.gates.reverse()
    source.value = 1
    source.end()
    assert [one.wait() for one in second] == [0] * 3
    source.end()
    assert [one.wait() for one in first] == [0]


@pytest.mark.parametrize("problem", [Unavailable("away", "It is away."), RuntimeError("a defect")])
def test_a_failure_is_told_to_all_who_share_the_read_and_to_nobody_later(
    source: Source, problem: Exception
) -> None:
    begun = source.begin() + source.begin(4)
    source.end()
    soon(lambda: len(source.read) == 2)
    source.end(problem)
    assert begun.pop(0).wait() == 0
    for one in begun:
        with pytest.raises(type(problem)):
            one.wait()
    eventlet.sleep(0.01)
    (later,) = source.begin()
    source.end()
    assert later.wait() == 0


def test_the_traceback_of_a_failure_that_many_share_shows_each_their_own_way_alone(source: Source) -> None:
    def lines() -> int:
        try:
            source.ask()
        except RuntimeError as problem:
            return len(traceback.extract_tb(problem.__traceback__))
        return 0

    source.begin()
    begun = [eventlet.spawn(lines) for _ in range(20)]
    eventlet.sleep(0)
    source.end()
    soon(partial(source.has_read, 2))
    source.end(RuntimeError("a defect"))
    counts = {one.wait() for one in begun}
    assert len(counts) == 1
    assert counts != {0}


def test_who_is_killed_harms_nobody_else(source: Source) -> None:
    alone = source.begin().pop()
    gathered, *others = source.begin(3)
    alone.kill()
    gathered.kill()
    source.gates.clear()  # nobody reads behind it any more
    soon(lambda: bool(source.gates))
    source.end()
    assert [one.wait() for one in others] == [0, 0]


def test_nothing_is_kept_when_nobody_asks(source: Source) -> None:
    for question in range(20):
        source.begin(3, question)
    with eventlet.Timeout(2):
        while source.gates:
            source.end()
            eventlet.sleep(0.01)
    assert source.shared._lanes == {}
