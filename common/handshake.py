"""The beginning and the end of a connection over TLS. A client that stalls holds up nobody else."""

import contextlib
import socket
import ssl
from math import inf
from time import monotonic
from typing import Any

from eventlet.patcher import original

from common.connections import Connections
from common.logging import get_logger

log = get_logger()
_Socket: Any = original("socket").socket
_READ_BYTES = 65536
_PLAINLY = b"This port speaks HTTPS only.\n"
_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_PLAINLY), _PLAINLY)
)


class Handshake:
    """A connection whose client has yet to agree on keys; it is watched and gives way like all that wait."""

    has_begun = False

    def __init__(self, sock: Any, seconds: float) -> None:
        self._socket = sock
        self.deadline = monotonic() + seconds

    def expire(self, now: float) -> None:
        """Too slow: whoever waits for the client notices."""
        self.deadline = inf
        self.leave()

    def leave(self) -> None:
        """Nothing has been asked yet, so nothing is answered."""
        with contextlib.suppress(OSError):
            _Socket.shutdown(self._socket, socket.SHUT_RDWR)


def secure(sock: Any, context: ssl.SSLContext, connections: Connections) -> Any:
    """The connection over TLS; None, and closed, if its client does not come to that in time."""
    try:
        secured = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    except OSError:
        return sock.close()
    begun = Handshake(secured, connections.limits.head)
    connections.open.add(begun)
    connections.waiting[begun] = None
    try:
        secured.do_handshake()
    except OSError as problem:
        log.debug("tls_handshake_failed", error=str(problem))
        _explain(secured, problem)
        return secured.close()
    finally:
        connections.open.discard(begun)
        connections.waiting.pop(begun, None)
    return secured


def part(sock: Any) -> None:
    """Tell a client over TLS that nothing more comes, so that it knows that nothing was cut off."""
    sock.setblocking(False)  # the client's own farewell is not waited for
    with contextlib.suppress(OSError, ValueError):
        sock.unwrap()
    sock.setblocking(True)


def _explain(sock: Any, problem: OSError) -> None:
    if getattr(problem, "reason", "") == "HTTP_REQUEST":
        with contextlib.suppress(OSError):
            _Socket.send(sock, _REFUSAL)
            _Socket.shutdown(sock, socket.SHUT_WR)
            _Socket.recv(sock, _READ_BYTES)  # what is unread at the close takes the answer away
