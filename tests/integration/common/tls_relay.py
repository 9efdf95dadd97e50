"""A server behind TLS: takes encrypted connections and passes their bytes on."""

import socket
import ssl
from typing import Any

import eventlet

from tests.certificates import Pair


class TlsRelay:
    """Listens on a free port for as long as the test runs."""

    def __init__(self, pair: Pair, port: int, asks_back: bool = False) -> None:
        """``asks_back``: whoever connects has to show the same certificate."""
        self._target = ("127.0.0.1", port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair.certificate, pair.key)
        if asks_back:
            self._context.load_verify_locations(pair.certificate)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._listener = eventlet.listen(("127.0.0.1", 0))
        self._threads = [eventlet.spawn(self._accept)]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Drop all connections."""
        for thread in self._threads:
            thread.kill()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            plain, _ = self._listener.accept()
            try:
                client = self._context.wrap_socket(plain, server_side=True)
            except OSError:
                continue  # a client that does not trust it
            server = socket.create_connection(self._target)
            self._threads += [eventlet.spawn(_pass, client, server), eventlet.spawn(_pass, server, client)]


def _pass(source: Any, target: Any) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except (OSError, EOFError):
        pass  # EOFError: eventlet's word for a socket that the other direction has closed
    finally:
        target.close()
