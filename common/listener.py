"""A listening port: connections are accepted, as many as may be open, and served each in its own thread."""

import errno
from collections.abc import Callable
from itertools import count
from typing import Any

import eventlet
from eventlet.greenio import GreenSocket
from eventlet.greenio.base import socket_accept

from common import metrics
from common.connections import Connections
from common.logging import get_logger

log = get_logger()
_BACKLOG = 512
_READ_BYTES = 65536
_MOST_IN_A_ROW = 16
"""Connections that are accepted before others have their turn: a flood of them never makes us wait."""
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nCache-Control: no-store\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)
"""What a client reads for whom there is no room."""
Serve = Callable[[Any, Any], None]


class PortTaken(Exception):
    """Another process listens where this one should."""


class Listener:
    """Accepts until it is closed, and hands every connection to ``serve``."""

    def __init__(
        self, address: tuple[str, int], shared: bool, connections: Connections, refusal: bytes
    ) -> None:
        try:
            self.socket = eventlet.listen(address, reuse_port=shared, backlog=_BACKLOG)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(
                f"port {address[1]} is taken: stop what listens there or choose another"
            ) from None
        self.socket.settimeout(None)
        self.port: int = self.socket.getsockname()[1]
        self.is_open = True
        self._connections = connections
        self._refusal = refusal

    def run(self, serve: Serve) -> None:
        """Accept connections; running out of file descriptors is waited out, not died of."""
        for number in count(1):
            if not self.is_open:
                return
            if number % _MOST_IN_A_ROW == 0:
                eventlet.sleep(0)
            try:
                sock, address = self.socket.accept()
            except OSError as problem:
                if self.is_open:
                    log.error("http_accept_failed", error=str(problem))
                    eventlet.sleep(0.1)
                continue
            self._begin(sock, address, serve)

    def close(self, serve: Serve) -> None:
        """Serve those who have connected by now, and refuse who comes later."""
        if not self.is_open:
            return
        self.is_open = False
        try:
            while (accepted := socket_accept(self.socket.fd)) is not None:
                self._begin(GreenSocket(accepted[0]), accepted[1], serve)
        except OSError as problem:
            log.error("http_accept_failed", error=str(problem))
        self.socket.close()

    def _begin(self, sock: Any, address: Any, serve: Serve) -> None:
        if self._has_room():
            self._connections.count += 1
            eventlet.spawn_n(self._serve, sock, address, serve)
        else:
            _turn_away(sock, self._refusal)

    def _has_room(self) -> bool:
        if self._connections.make_room():
            return True
        eventlet.sleep(0)  # those that came just now have yet to begin to wait, and may give way then
        return self._connections.make_room()

    def _serve(self, sock: Any, address: Any, serve: Serve) -> None:
        try:
            serve(sock, address)
        except Exception as problem:
            log.debug("http_connection_lost", error=f"{type(problem).__name__}: {problem}")
            sock.close()
        finally:
            self._connections.count -= 1


def _turn_away(sock: Any, refusal: bytes) -> None:
    # Not a byte more than fits into the system's buffer: nobody waits here for anybody.
    metrics.HTTP_CONNECTIONS_REFUSED.inc()
    try:
        sock.setblocking(False)
        sock.send(refusal)
        sock.recv(_READ_BYTES)  # what is unread at the close makes it a reset, which takes the answer away
    except OSError:
        pass
    finally:
        sock.close()
