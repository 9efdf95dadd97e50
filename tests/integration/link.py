"""A network between a process and its broker that can be cut and frozen."""

import contextlib
import socket
from typing import Any
from urllib.parse import urlsplit

import eventlet

from ops.engines.ports import free_port


class Link:
    """Forwards connections to the broker; ``uri`` leads through it."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self._target, self._port = (parts.hostname, parts.port), free_port()
        self.uri = uri.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{self._port}")
        self._sockets: list[Any] = []
        self._is_frozen = self._takes_questions = False
        self.held = 0
        """How many pieces have been held back since the last freeze."""
        self._listener: Any = None
        self.mend()

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        self._listener.kill()
        self._server.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def mend(self) -> None:
        """Take connections again."""
        self._server = eventlet.listen(("127.0.0.1", self._port))
        self._listener = eventlet.spawn(self._accept)

    def freeze(self, takes_questions: bool = False) -> None:
        """Keep the connections, and let nothing through, or only what goes to the server."""
        self._is_frozen, self._takes_questions, self.held = True, takes_questions, 0

    def thaw(self) -> None:
        """Let everything through that has waited."""
        self._is_frozen = False

    def _accept(self) -> None:
        while True:
            client, _ = self._server.accept()
            broker = eventlet.connect(self._target)
            self._sockets += [client, broker]
            eventlet.spawn_n(self._forward, client, broker, True)
            eventlet.spawn_n(self._forward, broker, client, False)

    def _forward(self, source: Any, target: Any, is_question: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.held += self._holds(is_question)
                while self._holds(is_question):
                    eventlet.sleep(0.05)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _holds(self, is_question: bool) -> bool:
        return self._is_frozen and not (is_question and self._takes_questions)
