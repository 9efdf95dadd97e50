"""Ctrl-C, SIGTERM and SIGHUP: the first one stops the run, a second one hurries it."""

import signal
from collections.abc import Callable
from types import FrameType


class StopSignals:
    """Raises KeyboardInterrupt for the first signal, calls `hurry` for the following ones."""

    def __init__(self) -> None:
        self.count = 0
        self.hurry: Callable[[], None] = lambda: None
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._received)

    def stop_has_begun(self) -> None:
        """From now on a first signal must not interrupt the stopping either."""
        self.count = max(self.count, 1)

    def hurried(self) -> bool:
        """Whether a second signal came."""
        return self.count > 1

    def _received(self, signum: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 1:
            raise KeyboardInterrupt
        self.hurry()
