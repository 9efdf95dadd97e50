"""The same read, asked for by many at once, made once: for those who asked while the last one was under way.

Nothing is kept: who asks while no such read is under way has one made, and who asks during one waits for the
next. So what is told is never older than the question, and several windows of one person, or a client that
asks again and again, cost little more than one.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeVar

from common.lane import Lane

Found = TypeVar("Found")
_COMPANY_SECONDS = 0.003


class SharedRead:
    """One for a process and a kind of read."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, Lane] = {}

    def read(self, question: Hashable, work: Callable[[list[str]], Found], asker: str = "") -> Found:
        """What ``work`` finds, which must follow from ``question`` alone: it is made for all who ask that.

        It is told the names of all of these. So who asks has to be part of the question. Others are given the
        same object, so it is not to be changed. A failure is told to all who share the read.
        """
        lane = self._lanes.get(question)
        if lane is None:
            lane = self._lanes[question] = Lane(_first, _COMPANY_SECONDS, partial(self._lanes.pop, question))
        found: Found = lane.ask((work, asker))
        return found


def _first(asked: list[tuple[Callable[[list[str]], Any], str]]) -> Any:
    return asked[0][0]([asker for _, asker in asked])
