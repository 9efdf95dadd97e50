"""Which of the things that are down the log has to tell of: a start is no outage.

What has never been up since the process started is on its way, until it has taken longer than it may.
"""

import time
from collections.abc import Callable, Iterable

STARTING_SECONDS = 10.0


class Outages:
    """Knows what has been up. ``clock`` gives seconds, as ``time.monotonic`` does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start_ends = clock() + STARTING_SECONDS
        self._known: set[str] = set()

    def among(self, down: Iterable[str], up: Iterable[str]) -> set[str]:
        """Those of ``down`` that were up before, or should be by now."""
        self._known |= set(up)
        return set(down) if self._clock() >= self._start_ends else set(down) & self._known
