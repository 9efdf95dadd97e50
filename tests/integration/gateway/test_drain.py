"""SIGTERM while clients call without pause: what was accepted is answered, and the end comes in time."""

import signal
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops.engines import RabbitMQ
from ops.serve import GRACE_SECONDS
from tests.integration.gateway.conftest import running
from tests.integration.gateway.wire import answer, connect, get, post
from tests.suite import Suite

CLIENTS = 50


@dataclass
class Tally:
    """What came of the calls."""

    answered: int = 0
    farewells: int = 0
    unanswered: list[str] = field(default_factory=list)


def call_until_refused(gateway: Suite, tally: Tally) -> None:
    """One client, which connects anew whenever it is told that its connection ends."""
    while True:
        try:
            connection = connect(gateway)
        except OSError:
            return
        with connection:
            if not _talk(connection, tally):
                return


def _talk(connection: socket.socket, tally: Tally) -> bool:
    calls = 0
    while True:
        try:
            connection.sendall(get("/"))
            status, headers, _ = answer(connection)
        except OSError as problem:
            # Connected, but never accepted: the port was closed in that moment. All else is a loss.
            if calls or not isinstance(problem, ConnectionResetError | BrokenPipeError):
                tally.unanswered.append(f"call {calls}: {problem!r}")
            return False
        assert status == 200
        calls += 1
        tally.answered += 1
        if headers.get("connection") == "close":
            tally.farewells += 1
            return True


def test_under_load_every_accepted_request_is_answered_and_the_process_ends_in_order(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    tally = Tally()
    with running(tmp_path, "gateway", RABBITMQ_URL=rabbitmq.uri_of(vhost), LOG_LEVEL="WARNING") as gateway:
        idle = connect(gateway, GRACE_SECONDS)
        clients = [threading.Thread(target=call_until_refused, args=(gateway, tally)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(2)
        before, process = tally.answered, gateway.processes["gateway"]
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(GRACE_SECONDS)
        seconds = time.monotonic() - started
        for client in clients:
            client.join(10)
        assert idle.recv(1) == b""
        logs = gateway.logs()

    assert (code, tally.unanswered) == (0, [])
    assert before > CLIENTS
    assert tally.farewells >= CLIENTS
    assert seconds < GRACE_SECONDS / 2
    assert "Traceback" not in logs


def test_what_is_under_way_is_answered_before_the_process_ends(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    """A call that takes long, a request whose end comes after the signal; and one who has had an answer."""
    settings = {"RABBITMQ_URL": rabbitmq.uri_of(vhost), "RPC_DEADLINE": "4"}
    with running(tmp_path, "gateway", **settings) as gateway, ExitStack() as stack:
        long, late, idle = (stack.enter_context(connect(gateway)) for _ in range(3))
        idle.sendall(get("/"))
        assert answer(idle)[0] == 200
        long.sendall(post("/api/auth/login", "Content-Length: 2\r\n", "{}"))
        late.sendall(get("/")[:20])
        time.sleep(0.5)
        gateway.processes["gateway"].terminate()
        time.sleep(1)
        late.sendall(get("/")[20:])
        ends = [answer(connection) for connection in (late, long)]
        answered = time.monotonic()

        assert [(status, headers["connection"]) for status, headers, _ in ends] == [
            (200, "close"),
            (503, "close"),
        ]
        assert b"unavailable" in ends[-1][2]
        assert gateway.processes["gateway"].wait(GRACE_SECONDS) == 0
        assert time.monotonic() - answered < 4
        assert idle.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(gateway)
