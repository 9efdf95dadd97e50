"""The clock of a service: hands out what waits in its store when the time has come.

It runs in every instance. They need not know of each other: what is due is handed out by a write that
succeeds once (:mod:`services.messaging.holding`, :mod:`services.todos.reminders`).
"""

from datetime import datetime
from typing import Protocol

import eventlet
from eventlet.semaphore import Semaphore
from nameko.extensions import SharedExtension

from common import clock, pace
from common.errors import SuiteError
from common.logging import get_logger

log = get_logger()
_LONGEST_PAUSE, _SHORTEST_PAUSE = 1.0, 0.02


class Due(Protocol):
    """What becomes due."""

    def hand_out_due(self) -> bool:
        """Hand out a batch of what is due; whether there may be more."""

    def next_due(self) -> datetime | None:
        """When the next is due; None if that is not known, and only a look can tell."""


class Scheduler(SharedExtension):
    """Looks every second, and earlier if something is due earlier."""

    def __init__(self) -> None:
        super().__init__()
        self._due: Due | None = None
        self._stopping = False
        self._turn = Semaphore(1)

    def attach(self, due: Due) -> None:
        """Say what to look at; called in the storage provider's ``setup``."""
        self._due = due

    def start(self) -> None:
        """Begin to look."""
        self.container.spawn_managed_thread(self._run, identifier="scheduler")

    def finish(self) -> None:
        """Let the batch that is being handed out be the last."""
        self._stopping = True
        with self._turn:
            pass

    def _run(self) -> None:
        while not self._stopping:
            with self._turn:
                seconds = self._look()
            eventlet.sleep(min(seconds, pace.until_next(_LONGEST_PAUSE)))

    def _look(self) -> float:
        """Hand out what is due; the seconds until the next look. Never raises: that would end the process."""
        try:
            seconds = self._seconds_left()
            if not seconds:
                self._hand_out()
                seconds = self._seconds_left()
            return _LONGEST_PAUSE if seconds is None else min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, seconds))
        except SuiteError as problem:
            log.warning("scheduler_store_unavailable", error=str(problem))
        except Exception as problem:
            log.error("scheduler_failed", exc_info=problem)
        return _LONGEST_PAUSE

    def _hand_out(self) -> None:
        while self._due is not None and not self._stopping and self._due.hand_out_due():
            eventlet.sleep()

    def _seconds_left(self) -> float | None:
        """Until the next is due, 0 if it is; None if that is not known."""
        moment = self._due.next_due() if self._due is not None and not self._stopping else None
        return None if moment is None else max(0.0, (moment - clock.now()).total_seconds())
