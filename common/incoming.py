"""A client's bytes as they come.

eventlet's socket asks the system first and waits when nothing is there yet, which is so before nearly every
request, and sets a timer for each wait. Here it is the other way round between requests, and there is no
timer: :class:`Connections` looks at every connection's deadline, and shuts what is over, which ends the wait.
"""

import io
from typing import Any

from eventlet.greenio import GreenSocket
from eventlet.hubs import trampoline


class Incoming(io.RawIOBase):
    """Reads from a connection without TLS; its end, in order or not, is the end of the bytes."""

    def __init__(self, sock: GreenSocket) -> None:
        super().__init__()
        self._recv_into, self._fileno = sock.fd.recv_into, sock.fileno()
        self.is_early = False

    def readable(self) -> bool:
        """Nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait until something has come, and take as much of it as there is room for."""
        if self.is_early:
            self.is_early = False
            trampoline(self._fileno, read=True)
        while True:
            try:
                return int(self._recv_into(buffer))
            except BlockingIOError:
                trampoline(self._fileno, read=True)
            except ConnectionError:
                return 0
