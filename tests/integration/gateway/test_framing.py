"""Requests that are no HTTP, come slowly, or could be read differently by two servers in a row."""

import socket
import time
from contextlib import ExitStack

import pytest

from tests.e2e.client import Client
from tests.integration.gateway.wire import (
    CHUNKED,
    ENDLESS,
    answer,
    answer_to_one_who_sends,
    connect,
    get,
    post,
)
from tests.suite import Suite


def send(gateway: Suite, data: str, seconds: float = 5) -> str:
    """All that the gateway answers until it closes the connection."""
    address = ("127.0.0.1", gateway.ports["gateway"])
    with socket.create_connection(address, timeout=seconds) as connection:
        connection.sendall(data.encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


@pytest.mark.parametrize("data", ["GARBAGE\r\n\r\n", "GET / HTTP/1.1 x\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_gets_a_problem_document_and_no_page_of_pythons(gateway: Suite, data: str) -> None:
    answer = send(gateway, data)

    assert "application/problem+json" in answer
    assert "X-Request-ID" in answer
    assert "Python" not in answer


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (f"GET /{'x' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nHost: x\r\nX-Long: {'x' * 9000}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\n" + f"X: {'y' * 8000}\r\n" * 10 + "\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: x\r\n" + "X: y\r\n" * 200 + "\r\n", 431),
    ],
    ids=["address", "header", "headers", "many headers"],
)
def test_what_is_too_long_gets_a_problem_document(gateway: Suite, data: str, status: int) -> None:
    answer = send(gateway, data)

    assert f" {status} " in answer.splitlines()[0]
    assert "application/problem+json" in answer
    assert answer.count("HTTP/1.") == 1


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
    ],
)
def test_a_body_whose_length_is_ambiguous_is_refused_and_the_connection_closed(
    gateway: Suite, headers: str
) -> None:
    smuggled = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = send(gateway, f"POST /api/auth/login HTTP/1.1\r\nHost: x\r\n{headers}\r\n{{}}{smuggled}")

    assert " 400 " in answer.splitlines()[0]
    assert answer.count("HTTP/1.") == 1


def test_a_host_that_is_none_is_refused(gateway: Suite) -> None:
    answer = send(gateway, "GET / HTTP/1.1\r\nHost: <script>\r\nConnection: close\r\n\r\n")

    assert " 400 " in answer.splitlines()[0]
    assert "script" not in answer


def test_a_client_that_names_no_host_gets_links_all_the_same(gateway: Suite) -> None:
    answer = send(gateway, "GET / HTTP/1.0\r\n\r\n")

    assert " 200 " in answer.splitlines()[0]
    assert "/api/todos" in answer


@pytest.mark.parametrize(
    "chunks",
    ["zz\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "0x2\r\n{}\r\n0\r\n\r\n", "2\r\n{}SPILL\r\n0\r\n\r\n",
     "2\n{}\n0\n\n", "2\r\n{}\r\n0\r\nGET /admin HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_a_broken_chunk_is_refused_and_the_connection_closed(gateway: Suite, chunks: str) -> None:
    answer = send(gateway, post("/api/auth/login", CHUNKED, chunks + get().decode()).decode())

    assert " 400 " in answer.splitlines()[0]
    assert "application/problem+json" in answer
    assert answer.count("HTTP/1.") == 1


@pytest.mark.parametrize("length", [CHUNKED, f"{CHUNKED}Expect: 100-continue\r\n"])
def test_a_body_in_chunks_ends_where_the_next_request_begins(gateway: Suite, length: str) -> None:
    with connect(gateway) as connection:
        connection.sendall(post("/api/auth/login", length, "1;a=b\r\n{\r\n0\r\nX-Sum: 1\r\n\r\n") + get())

        assert b'"code":"malformed_json"' in answer(connection)[2]
        assert answer(connection)[0] == 200


@pytest.mark.parametrize(("first", "endless"), ENDLESS)
def test_chunks_without_end_are_refused_while_they_come(gateway: Suite, first: str, endless: bytes) -> None:
    with connect(gateway) as connection:
        connection.sendall(post("/api/auth/login", CHUNKED, first))

        assert answer_to_one_who_sends(connection, endless) == 400


def test_a_body_that_nobody_wants_is_not_read_to_its_end(gateway: Suite) -> None:
    head = "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"
    answer = send(gateway, head + "a" * 100_000)

    assert " 404 " in answer.splitlines()[0]
    assert "Connection: close" in answer


def test_clients_that_send_their_body_slowly_take_no_workers_place(gateway: Suite, anyone: Client) -> None:
    head = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        for _ in range(8):  # twice as many as the gateway has workers
            slow = socket.create_connection(("127.0.0.1", gateway.ports["gateway"]))
            stack.enter_context(slow).sendall(f"{head}Content-Length: 20\r\n\r\n{{".encode())
        started = time.monotonic()

        assert anyone.get("/").status_code == 200
        assert time.monotonic() - started < 1


def test_a_client_that_goes_away_in_the_middle_of_its_body_is_no_fault_of_ours(gateway: Suite) -> None:
    head = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gateway.ports["gateway"]), timeout=5) as connection:
        connection.sendall(f"{head}Content-Length: 20\r\n\r\n{{".encode())
        connection.shutdown(socket.SHUT_WR)

        assert b" 400 " in connection.recv(65536).splitlines()[0]
