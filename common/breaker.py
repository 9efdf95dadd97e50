"""A circuit breaker: who keeps failing is left alone for a while, then tried by one caller at a time.

::

    closed --- failures in a row ---> open --- the pause is over ---> half-open (one trial)
      ^                                ^------- the trial failed: a longer pause ----|
      |-------------------------------------------- the trial succeeded -------------|

pybreaker holds its lock while the guarded call runs, which would make all calls to one service wait for
each other; this one only counts, and whoever calls says what came of it.
"""

import time
from collections.abc import Callable

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
STATES = (CLOSED, OPEN, HALF_OPEN)


class Breaker:
    """Opens after `failures` in a row, for `pause` seconds, twice as long after each failed trial."""

    def __init__(
        self, failures: int, pause: float, longest: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._first_pause, self._longest = failures, pause, longest
        self._now = now
        self._failures = 0
        self._pause = pause
        self._until = 0.0
        self._state = CLOSED

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half_open``."""
        return self._state

    @property
    def is_closed(self) -> bool:
        """Whether all is as it should be."""
        return self._state == CLOSED

    @property
    def retry_after(self) -> float:
        """Seconds until a trial is worth it; 0 when closed."""
        return 0.0 if self.is_closed else max(0.0, self._until - self._now())

    def allows(self) -> bool:
        """Whether to go on. After the pause the first to ask may, and has to say what came of it.

        A trial that nobody reports on (its caller was killed) ends with a pause of its own.
        """
        if self.is_closed:
            return True
        if self._now() < self._until:
            return False
        self._state, self._until = HALF_OPEN, self._now() + self._pause
        return True

    def succeeded(self) -> None:
        """It works: closed."""
        self._state, self._failures, self._pause = CLOSED, 0, self._first_pause

    def failed(self) -> None:
        """It does not: open if that was one too many, or the trial."""
        if self._state == HALF_OPEN:
            self._pause = min(self._longest, self._pause * 2)
            self._open()
        elif self._state == CLOSED:
            self._failures += 1
            if self._failures >= self._limit:
                self._open()

    def gone(self) -> None:
        """It is certain that it can't work: open, without waiting for more failures."""
        if self._state == CLOSED:
            self._open()
        else:
            self.failed()

    def _open(self) -> None:
        self._state, self._until = OPEN, self._now() + self._pause
