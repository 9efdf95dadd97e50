"""The beginning and the end of a connection over TLS. A client that stalls holds up nobody else."""

import contextlib
import socket
import ssl
from math import inf
from time import monotonic
from typing import Any

from common.connections import Connections
from common.logging import get_logger
from common.secured import SecuredSocket

log = get_logger()
_READ_BYTES = 65536
_PLAINLY = b"This port speaks HTTPS only.\n"
_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_PLAINLY), _PLAINLY)
)


class Handshake:
    """A connection whose client has yet to agree on keys; it is watched and gives way like all that wait."""

    has_begun = False

    def __init__(self, sock: SecuredSocket, seconds: float) -> None:
        self._socket = sock
        self.deadline = monotonic() + seconds

    def expire(self, now: float) -> None:
        """Too slow: whoever waits for the client notices."""
        self.deadline = inf
        self.leave()

    def leave(self) -> None:
        """Nothing has been asked yet, so nothing is answered."""
        self._socket.cut()


def secure(sock: Any, context: ssl.SSLContext, connections: Connections) -> Any:
    """The connection over TLS; None, and closed, if its client does not come to that in time."""
    secured = SecuredSocket(sock, context)
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


def _explain(sock: SecuredSocket, problem: OSError) -> None:
    if getattr(problem, "reason", "") == "HTTP_REQUEST":
        with contextlib.suppress(OSError):
            sock.fd.send(_REFUSAL)
            sock.fd.shutdown(socket.SHUT_WR)
            sock.fd.recv(_READ_BYTES)  # what is unread at the close takes the answer away
