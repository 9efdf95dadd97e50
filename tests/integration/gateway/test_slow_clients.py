"""Clients that take their time, or more connections than there may be: nobody else waits for them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from ops.engines import RabbitMQ
from tests.e2e.load import load, p99
from tests.integration.gateway.conftest import running
from tests.integration.gateway.wire import answer, connect, get, post, until_closed
from tests.suite import Suite

HEAD, BODY, IDLE, MOST, REQUESTS = 2, 3, 4, 12, 5
FLOOR_SECONDS = 0.05
"""What a machine that is busy with other things may add to any call."""


@pytest.fixture(scope="module")
def strict(rabbitmq: RabbitMQ, vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A gateway of little patience."""
    settings = {
        "HTTP_HEAD_SECONDS": str(HEAD), "HTTP_BODY_SECONDS": str(BODY), "HTTP_IDLE_SECONDS": str(IDLE),
        "HTTP_MAX_CONNECTIONS": str(MOST), "HTTP_REQUESTS_PER_CONNECTION": str(REQUESTS),
    }  # fmt: skip
    directory = tmp_path_factory.mktemp("strict")
    with running(directory, "gateway", RABBITMQ_URL=rabbitmq.uri_of(vhost), **settings) as suite:
        yield suite
    assert "Traceback" not in suite.logs()


@contextmanager
def slow_clients(gateway: Suite, count: int) -> Iterator[None]:
    """So many, all connected when the block begins."""
    script = str(Path(__file__).with_name("slow_clients.py"))
    command = [sys.executable, script, str(gateway.ports["gateway"]), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "connected\n"
            yield
        finally:
            process.kill()


def test_two_thousand_slow_clients_cost_the_others_nothing(gateway: Suite) -> None:
    with requests.Session() as session:

        def call() -> None:
            assert session.get(f"{gateway.url}/", timeout=5).status_code == 200

        load(call, 1, 0.5)
        alone = p99(load(call, 1, 2))
        with slow_clients(gateway, 2000):
            beside = p99(load(call, 1, 4))
            assert requests.get(f"{gateway.url}/health/live", timeout=2).status_code == 200
    assert beside < 2 * alone + FLOOR_SECONDS


def test_headers_have_a_time_in_all_however_often_a_byte_comes(strict: Suite) -> None:
    with connect(strict) as connection:
        started = time.monotonic()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        while time.monotonic() - started < HEAD - 0.5:
            connection.sendall(b"x")
            time.sleep(0.1)
        found = until_closed(connection)

    assert " 408 " in found.splitlines()[0]
    assert '"code":"request_timeout"' in found
    assert HEAD - 0.1 < time.monotonic() - started < HEAD + 2


@pytest.mark.parametrize("length", ["Content-Length: 200\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_body_has_a_time_in_all(strict: Suite, length: str) -> None:
    with connect(strict) as connection:
        started = time.monotonic()
        connection.sendall(post("/api/auth/login", length, "a0\r\n{" if "chunked" in length else "{"))
        while time.monotonic() - started < BODY - 0.5:
            connection.sendall(b" ")
            time.sleep(0.1)
        found = until_closed(connection)

    assert " 408 " in found.splitlines()[0]
    assert "Connection: close" in found
    assert BODY - 0.1 < time.monotonic() - started < BODY + 2


def test_a_body_that_nobody_reads_has_that_time_too(strict: Suite) -> None:
    with connect(strict) as connection:
        connection.sendall(post("/nope", "Content-Length: 200\r\n", "{"))
        started = time.monotonic()

        assert answer(connection)[0] == 404
        assert until_closed(connection) == ""
        assert BODY - 0.1 < time.monotonic() - started < BODY + 2


@pytest.mark.parametrize("first", [b"", get()])
def test_a_connection_without_a_request_is_closed_after_a_while(strict: Suite, first: bytes) -> None:
    with connect(strict) as connection:
        if first:
            connection.sendall(first)
            answer(connection)
        started = time.monotonic()

        assert until_closed(connection) == ""
        assert IDLE - 0.1 < time.monotonic() - started < IDLE + 2


def test_a_service_may_think_for_longer_than_a_client_may_send(strict: Suite, token: object) -> None:
    with connect(strict) as connection:
        connection.sendall(post("/api/auth/login", "Content-Length: 2\r\n", "{}"))

        assert answer(connection)[0] == 503
        connection.sendall(get())
        assert answer(connection)[0] == 200


def test_a_connection_carries_so_many_requests_and_says_that_it_ends(strict: Suite) -> None:
    with connect(strict) as connection:
        connection.sendall(get() * (REQUESTS + 1))
        answers = [answer(connection) for _ in range(REQUESTS)]

        assert ["connection" in headers for _, headers, _ in answers] == [False] * (REQUESTS - 1) + [True]
        assert until_closed(connection) == ""


def test_a_connection_that_waits_gives_way_to_a_new_one(strict: Suite) -> None:
    with ExitStack() as stack:
        waiting = [stack.enter_context(connect(strict)) for _ in range(MOST)]
        for connection in waiting:
            connection.sendall(get())
            answer(connection)
        newest = stack.enter_context(connect(strict))
        newest.sendall(get())

        assert answer(newest)[0] == 200
        assert until_closed(waiting[0]) == ""
        waiting[-1].sendall(get())
        assert answer(waiting[-1])[0] == 200


def test_where_none_gives_way_a_new_connection_is_refused(strict: Suite) -> None:
    with ExitStack() as stack:
        for _ in range(MOST):
            busy = stack.enter_context(connect(strict))
            busy.sendall(post("/api/auth/login", "Content-Length: 200\r\n", "{"))
        time.sleep(0.5)
        refused = until_closed(stack.enter_context(connect(strict)))

        assert " 503 " in refused.splitlines()[0]
        assert "Retry-After: 5" in refused
    time.sleep(0.5)
    assert requests.get(f"{strict.url}/health/live", timeout=2).status_code == 200
