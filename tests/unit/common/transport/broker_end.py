"""A connection's two ends: a wire, and what the broker sees of it."""

import socket
from typing import Any

from common.transport.wire import Wire


class Pair:
    """A wire, and the broker's end of it, which can tell one write from the next."""

    def __init__(
        self, kind: socket.SocketKind = socket.SOCK_SEQPACKET, buffer: int = 0, *, encrypted: bool = False
    ) -> None:
        self.peer: Any
        own, self.peer = socket.socketpair(socket.AF_UNIX, kind)
        if buffer:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.wire = Wire(own, frame_max=131_072, heartbeat=0, encrypted=encrypted)

    def writes(self) -> list[bytes]:
        """What has arrived up to now, by the writes that brought it."""
        found: list[bytes] = []
        try:
            while data := self.peer.fd.recv(1_000_000):
                found.append(data)
        except BlockingIOError:
            pass
        return found

    def close(self) -> None:
        self.wire.close()
        self.peer.close()
