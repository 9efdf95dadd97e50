"""Connections that are told to go, and clients that send more than their turn: real ones, on this machine."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import eventlet
import pytest
from eventlet import wsgi
from eventlet.patcher import original

from common.answers import Answer
from common.connection import Connection
from common.connections import Connections, Limits
from common.exchange import CONNECTION
from common.framing import is_read
from common.listener import FULL, Listener
from tests.unit.common.turns import Turns

BODY = b"GET /body HTTP/1.1\r\nHost: x\r\n\r\n" * 4
LATER = b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
_select, _connect = original("select").select, original("socket").create_connection


class Server:
    """Answers what it has read of a body, and remembers which paths it was asked for."""

    def __init__(self, most: int = 1) -> None:
        self.paths: list[str] = []
        self.connections = Connections(Limits(most=most, head=10, body=10, idle=10, requests=1000))
        self.listener = Listener(("127.0.0.1", 0), False, self.connections, FULL)
        self._serving: Any = wsgi.Server(
            self.listener.socket, None, self._answer, protocol=Connection, log_output=False
        )
        self._serving.connections, self._serving.every_answer = self.connections, {}
        self._serving.is_secure = False
        self._thread = eventlet.spawn(self.listener.run, self._serve)

    def stop(self) -> None:
        self._thread.kill()
        self.listener.close(self._serve)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.listener.port), timeout=5)

    def _serve(self, sock: Any, address: Any) -> None:
        self._serving.process_request([address, sock, wsgi.STATE_IDLE])

    def _answer(self, environ: dict[str, Any]) -> Answer:
        self.paths.append(environ["PATH_INFO"])
        body = environ["eventlet.input"]
        data = body.read(1000) if environ["PATH_INFO"] == "/read" else b""
        environ[CONNECTION].answering(is_read(body))
        return Answer(200, {}, b"read %d" % len(data))


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


def until_closed(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize("path", [b"/read", b"/unread"])
def test_the_rest_of_a_body_is_no_request_where_a_connection_gives_way_before_its_head_was_read(
    server: Server, path: bytes
) -> None:
    with server.connect() as client:
        client.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (path, len(BODY)))
        one = next(iter(wait_for(server)))
        # The rest of the head is there, and nobody has read it yet: no turn of the hub in between.
        client.sendall(b"\r\n" + BODY[:40])
        _select([one.connection.fileno()], [], [], 5)
        assert server.connections.make_room()
        client.sendall(BODY[40:] + LATER)
        client.shutdown(socket.SHUT_WR)
        answers = until_closed(client)

    assert server.paths == [path.decode()]
    assert answers.count(b"HTTP/1.1 200") == 1
    assert b"Connection: close\r\n" in answers


def wait_for(server: Server) -> Any:
    """Those that wait, as soon as one of them has begun."""
    with eventlet.Timeout(5):
        while not any(one.has_begun for one in server.connections.waiting):
            eventlet.sleep(0.001)
    return list(server.connections.waiting)


def test_what_had_come_when_a_connection_was_told_to_go_is_answered(server: Server) -> None:
    with server.connect() as client:
        client.sendall(b"GET /one HTTP/1.1\r\n")
        one = next(iter(wait_for(server)))
        client.sendall(b"Host: x\r\n\r\n" + LATER)
        _select([one.connection.fileno()], [], [], 5)
        one.leave()
        answers = until_closed(client)

    assert server.paths == ["/one"]
    assert answers.endswith(b"Connection: close\r\n\r\nread 0")


def test_a_connection_without_a_request_goes_at_once_when_told(server: Server) -> None:
    with server.connect() as client:
        with eventlet.Timeout(5):
            while not server.connections.waiting:
                eventlet.sleep(0.001)
        assert server.connections.make_room()

        assert until_closed(client) == b""


def test_others_have_their_turn_between_requests_that_came_together(server: Server) -> None:
    with server.connect() as client, Turns() as turns:
        client.sendall(LATER * 100 + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = until_closed(client)

    assert answers.count(b"HTTP/1.1 200") == 101
    assert turns.count >= 100


def test_others_have_their_turn_while_many_connect() -> None:
    server, seen = Server(most=100), [0]
    with ExitStack() as stack:
        stack.callback(server.stop)
        for _ in range(64):  # by sockets that give nobody a turn
            stack.enter_context(_connect(("127.0.0.1", server.listener.port)))
        with eventlet.Timeout(5):
            while seen[-1] < 64:
                eventlet.sleep(0)
                seen.append(server.connections.count)

    assert max(later - sooner for sooner, later in pairwise(seen)) <= 16
