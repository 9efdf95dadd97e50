"""A connection's two ends: a wire, and what the broker sees of it."""

import socket
import ssl
from typing import Any

import eventlet

from common.transport.wire import Wire
from tests.certificates import Pair as Certificate


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


class Stream:
    """A wire over TCP, encrypted if there is a certificate for it, and the broker's end of it."""

    def __init__(self, certificate: Certificate | None = None, heartbeat: float = 0) -> None:
        listener = eventlet.listen(("127.0.0.1", 0))
        accepting = eventlet.spawn(self._accept, listener, certificate)
        own: Any = socket.create_connection(listener.getsockname())
        if certificate:
            trusting = ssl.create_default_context(cafile=str(certificate.certificate))
            own = trusting.wrap_socket(own, server_hostname="localhost")
        own.settimeout(None)
        self.peer = accepting.wait()
        listener.close()
        self.wire = Wire(own, frame_max=131_072, heartbeat=heartbeat, encrypted=bool(certificate))

    def _accept(self, listener: Any, certificate: Certificate | None) -> Any:
        peer, _ = listener.accept()
        if not certificate:
            return peer
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        return context.wrap_socket(peer, server_side=True)

    def read_to_end(self, ending: bytes = b"") -> bytes:
        """What the broker reads until there is no more, or up to an ending."""
        found = b""
        while data := self.peer.recv(1_000_000):
            found += data
            if ending and found.endswith(ending):
                break
        return found

    def close(self) -> None:
        self.wire.close()
        self.peer.close()
