"""Ctrl-C, SIGTERM and a closed terminal end a command in order: once, and not while it puts things away."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

CUT_SHORT = "stopped before it was done."


class Stopped(BaseException):
    """The command is to end. No Exception, which a library might take for a failure of its own."""


class Signals:
    """The first that comes raises Stopped where the command is; those after it change nothing."""

    def __init__(self) -> None:
        self._have_come = False
        self._cut = True

    def listen(self) -> None:
        """From now on."""
        self._have_come, self._cut = False, True
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._received)

    @contextmanager
    def putting_away(self) -> Iterator[None]:
        """What is begun here is finished: it is what an end in order consists of."""
        before, self._cut = self._cut, False
        try:
            yield
        finally:
            self._cut = before

    def finish(self) -> None:
        """All is done; what is left of the command is short, and nothing that could be cut."""
        self._cut = False

    def go_on(self) -> None:
        """There is more to do after all; Stopped if one has come meanwhile."""
        self._cut = True
        if self._have_come:
            raise Stopped

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._have_come:
            return
        self._have_come = True
        if self._cut:
            raise Stopped


SIGNALS = Signals()
"""Those of the process."""
