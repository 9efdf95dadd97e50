"""A lane of reads: what is asked while one is under way gathers, and goes together when that one is done.

A read that finds no other under way goes alone and at once. Each is sent after all of its callers have asked,
so nobody is told of a time before their own last write.
"""

import sys
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.hubs import get_hub

_AT_ONCE = 64
_PATIENCE_SECONDS = 0.05
"""A read that takes longer holds up nobody else: what has gathered meanwhile goes beside it."""
_FEW = 8


class _Group:
    """What goes together; ``done`` brings what was found, or the problem."""

    __slots__ = ("asked", "context", "done", "timer")

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.context = copy_context()  # that of the first, whose ids are on what is logged meanwhile
        self.done = Event()
        self.timer: Any = None


class Lane:
    """``read`` is given a list of what was asked; what it returns is told to all who asked.

    Who shared a read often asks again as soon as the answer is there. ``company`` is how many seconds the
    next read waits for them at most, and only after one that was shared, or during which others have asked.
    ``free`` is called when nothing is under way any more.
    """

    __slots__ = ("_ahead", "_company", "_expected", "_free", "_gathering", "_read")

    def __init__(
        self,
        read: Callable[[list[Any]], Any],
        company: float = 0,
        free: Callable[[], object] = lambda: None,
    ) -> None:
        self._read = read
        self._company = company
        self._free = free
        self._ahead: object | None = None  # the read, or the pause, that what gathers waits for
        self._expected = 0  # how many end that pause
        self._gathering: _Group | None = None

    def ask(self, what: Any) -> Any:
        """What the read has found that this was a part of; its failure, as if it had been made alone."""
        return self._together(what) if self._ahead else self._alone(what)

    def _alone(self, what: Any) -> Any:
        mine = self._ahead = object()
        try:
            return self._read([what])
        finally:
            self._over(mine, 1)

    def _together(self, what: Any) -> Any:
        group = self._gathering
        if group is None:
            group = self._gathering = _Group()
            group.timer = get_hub().schedule_call_global(_PATIENCE_SECONDS, self._begin, group)
        group.asked.append(what)
        if len(group.asked) in (_AT_ONCE, self._expected):
            self._begin(group)
        return group.done.wait()

    def _begin(self, group: _Group) -> None:
        """Let a group go, and the next one wait for it; in a green thread that no caller can end."""
        group.timer.cancel()
        self._ahead, self._gathering, self._expected = group, None, 0
        eventlet.spawn_n(group.context.run, self._run, group)

    def _run(self, group: _Group) -> None:
        found = failure = None
        try:
            found = self._read(group.asked)
        except BaseException:  # also one that ends a green thread: the callers wait in others
            failure = sys.exc_info()  # with the traceback, so that no caller's grows from another's
        self._over(group, len(group.asked))  # the next read is sent before these callers go on
        group.done.send(found, failure)

    def _over(self, read: object, askers: int) -> None:
        if self._ahead is not read:
            return  # it took so long that others went on beside it
        waiting = len(self._gathering.asked) if self._gathering else 0
        expected = _company_of(askers + waiting)
        if not self._company or waiting >= expected:
            self._go_on(read)
            return
        pause = self._ahead = object()
        self._expected = expected
        get_hub().schedule_call_global(self._company, self._go_on, pause)

    def _go_on(self, ahead: object) -> None:
        if self._ahead is not ahead:
            return  # as many as were expected have come
        self._ahead, self._expected = None, 0
        if self._gathering is not None:
            self._begin(self._gathering)
        else:
            self._free()


def _company_of(askers: int) -> int:
    """How many of those who ask again and again are worth waiting for; 0 for one alone.

    All of a few. Of many half, so that two groups take turns: one is read for while the other is answered.
    """
    return max(min(askers, _FEW), askers // 2) if askers > 1 else 0
