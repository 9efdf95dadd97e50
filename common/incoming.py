"""A client's bytes as they come.

eventlet's socket asks the system first and waits when nothing is there yet, which is so before nearly every
request; it sets a timer for each wait, and tells the poll of its descriptor before and after it. Here it is
the other way round between requests. There is no timer: :class:`Connections` looks at every connection's
deadline, and shuts what is over, which ends the wait. And the descriptor stays with the poll until something
comes that nobody waits for.
"""

import io
from typing import Any

from eventlet.greenio import GreenSocket
from eventlet.hubs import get_hub
from greenlet import getcurrent, greenlet


class Incoming(io.RawIOBase):
    """Reads from a connection without TLS; its end, in order or not, is the end of the bytes.

    One green thread reads, and nobody reads from the socket past it, unless it is released.
    """

    def __init__(self, sock: GreenSocket) -> None:
        super().__init__()
        self._recv_into, self._fileno = sock.fd.recv_into, sock.fileno()
        self._hub = get_hub()
        self._watch: Any = None
        self._reader: greenlet | None = None
        self.is_early = False

    def readable(self) -> bool:
        """Nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait until something has come, and take as much of it as there is room for."""
        if self.is_early:
            self.is_early = False
            self._wait()
        while True:
            try:
                return int(self._recv_into(buffer))
            except BlockingIOError:
                self._wait()
            except ConnectionError:
                return 0

    def release(self) -> None:
        """Take the descriptor from the poll; before it is closed at the latest."""
        watch, self._watch = self._watch, None
        if watch is not None:
            self._hub.remove(watch)

    def _wait(self) -> None:
        self._reader = here = getcurrent()
        if self._watch is None:
            self._watch = self._hub.add(self._hub.READ, self._fileno, self._ready, here.throw, None)
        try:
            self._hub.switch()
        finally:
            self._reader = None

    def _ready(self, _: int) -> None:
        if self._reader is None:
            self.release()  # it would be told again and again until somebody reads
        else:
            self._reader.switch()
