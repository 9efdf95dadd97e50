"""The corners of HTTP/1.1 and 1.0 (RFC 9112), and clients that go away."""

import os
import socket
import struct
import time

import pytest

from tests.integration.gateway.conftest import wait_until
from tests.integration.gateway.test_framing import send
from tests.integration.gateway.wire import CLOSE, answer, connect, get, post, until_closed
from tests.suite import Suite

GETS = [
    "/",
    "/health",
    "/health/live",
    "/metrics",
    "/docs",
    "/docs/swagger-ui.css",
    "/openapi.json",
    "/todos",
]


def test_requests_that_come_at_once_are_answered_in_their_order(gateway: Suite) -> None:
    requests = [get(f"/{number}") for number in range(20)]
    with connect(gateway) as connection:
        connection.sendall(b"".join(requests))
        bodies = [answer(connection)[2].decode() for _ in requests]

    assert [f'"instance":"/{number}"' in body for number, body in enumerate(bodies)] == [True] * 20


def test_a_body_is_not_taken_for_the_next_request(gateway: Suite) -> None:
    inner = get("/smuggled").decode()
    first = post("/nope", f"Content-Length: {len(inner)}\r\n", inner)
    with connect(gateway) as connection:
        connection.sendall(first + get())

        assert [answer(connection)[0], answer(connection)[0]] == [404, 200]


def test_a_head_that_comes_again_is_the_same_one_and_no_other_is_taken_for_it(gateway: Suite) -> None:
    ids = ["first", "first", "other", "first", "firs", "firstly", "first"]
    with connect(gateway) as connection:
        connection.sendall(b"".join(get(f"/{n}", f"X-Request-ID: {one}\r\n") for n, one in enumerate(ids)))
        answers = [answer(connection) for _ in ids]

    assert [headers["x-request-id"] for _, headers, _ in answers] == ids
    assert [f'"instance":"/{n}"' in body.decode() for n, (_, _, body) in enumerate(answers)] == [True] * 7


def test_a_head_that_comes_again_has_its_own_body_and_its_own_target(gateway: Suite) -> None:
    head = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    lines = ["POST /nope", "POST http://other/nope?x", "POST /nope?y", "OPTIONS *", "GET /health/live"]
    with connect(gateway) as connection:
        connection.sendall("".join(f"{line} HTTP/1.1\r\n{head}{{}}" for line in lines).encode())

        assert [answer(connection)[0] for _ in lines] == [404, 404, 404, 204, 200]


def test_fields_that_were_sound_before_are_looked_at_anew_for_another_version(gateway: Suite) -> None:
    fields = "Connection: keep-alive\r\n\r\n"  # and no Host, which only HTTP/1.0 may leave out
    with connect(gateway) as connection:
        connection.sendall("".join(f"GET /nope HTTP/1.{n}\r\n{fields}" for n in (0, 0, 1)).encode())

        assert [answer(connection)[0] for _ in range(3)] == [404, 404, 400]


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "multipart/mixed", "message/rfc822"])
def test_a_body_of_parts_that_nobody_reads_harms_neither_its_request_nor_the_next(
    gateway: Suite, kind: str
) -> None:
    body = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n"
    headers = f"Host: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    with connect(gateway) as connection:
        connection.sendall(f"POST /nope HTTP/1.1\r\n{headers}\r\n{body}".encode() + get())

        assert [answer(connection)[0], answer(connection)[0]] == [404, 200]


@pytest.mark.parametrize("line", ["no header", "X : y", "--x"])
def test_a_body_of_parts_hides_no_broken_header(gateway: Suite, line: str) -> None:
    kind = "Content-Type: multipart/form-data; boundary=x"
    found = send(gateway, f"POST /nope HTTP/1.1\r\nHost: x\r\n{kind}\r\n{line}\r\nX-Y: z\r\n\r\n")

    assert " 400 " in found.splitlines()[0]
    assert found.count("HTTP/1.") == 1


@pytest.mark.parametrize("path", GETS)
def test_head_has_the_headers_of_get_and_no_body(gateway: Suite, path: str) -> None:
    found = []
    for method in ("HEAD", "GET"):
        first, _, body = send(gateway, get(path, CLOSE, method).decode()).partition("\r\n\r\n")
        assert bool(body) == (method == "GET")
        lines = [
            line for line in first.splitlines() if not line.startswith(("X-Request-ID", "Date", "RateL"))
        ]
        found.append([line for line in lines if path not in ("/metrics", "/health") or "Length" not in line])

    assert found[0] == found[1]


def test_a_whole_address_as_the_target_is_read_as_its_path_and_its_host(gateway: Suite) -> None:
    found = send(gateway, f"GET http://api.example.org/?x=1 HTTP/1.1\r\nHost: other\r\n{CLOSE}\r\n")

    assert " 200 " in found.splitlines()[0]
    assert "http://api.example.org/api/todos" in found


@pytest.mark.parametrize(
    "target", ["health", "*", "ftp://x/", "http:///health", "http://a@b/", "http://[/", "example.org:443"]
)
def test_a_target_that_is_no_address_is_refused(gateway: Suite, target: str) -> None:
    found = send(gateway, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")

    assert " 400 " in found.splitlines()[0]
    assert "application/problem+json" in found


def test_options_of_the_server_itself_is_answered(gateway: Suite) -> None:
    found = send(gateway, f"OPTIONS * HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n")

    assert " 204 " in found.splitlines()[0]
    assert "PATCH" in found


@pytest.mark.parametrize(
    "headers",
    [
        "", "Host: x\r\nHost: y\r\n",
        "Host: x\r\nContent-Length: +2\r\n", "Host: x\r\nContent-Length: -1\r\n",
        "Host: x\r\nContent-Length: 1_0\r\n", "Host: x\r\nContent-Length: 2, 2\r\n", "Host : x\r\n",
        "Host: x\r\nContent-Length : 5\r\n", "Host: x\r\nX-Folded: a\r\n b\r\n", "Host: x\r\nX-Cut: a\rb\r\n",
        "Host: x\r\nContent-Length:\r\n", f"Host: x\r\nContent-Length: {'9' * 2000}\r\n",
    ],
)  # fmt: skip
def test_headers_that_could_be_read_in_two_ways_are_refused(gateway: Suite, headers: str) -> None:
    found = send(gateway, f"POST /nope HTTP/1.1\r\n{headers}\r\n")

    assert " 400 " in found.splitlines()[0]
    assert "application/problem+json" in found
    assert found.count("HTTP/1.") == 1


def test_a_length_beyond_any_body_is_too_large_and_not_malformed(gateway: Suite) -> None:
    head = f"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: {'9' * 20}\r\n"
    found = send(gateway, f"{head}Content-Type: application/json\r\n\r\n{{}}")

    assert " 413 " in found.splitlines()[0]
    assert "body_too_large" in found
    assert found.count("HTTP/1.") == 1


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/refresh"])
def test_a_post_without_a_length_has_no_body_and_is_told_so_where_one_is_needed(
    gateway: Suite, path: str
) -> None:
    with connect(gateway) as connection:
        connection.sendall(post(path, "") + get())
        status, _, body = answer(connection)

        assert (status, b"length_required" in body) == (411, True)
        assert answer(connection)[0] == 200


def test_a_client_of_http_1_0_gets_one_answer_and_the_end(gateway: Suite) -> None:
    found = send(gateway, get(version="1.0").decode())

    assert " 200 " in found.splitlines()[0]
    assert "Content-Length: " in found
    assert "Transfer-Encoding" not in found


def test_a_client_of_http_1_0_may_keep_its_connection(gateway: Suite) -> None:
    with connect(gateway) as connection:
        for _ in range(2):
            connection.sendall(get(version="1.0", headers="Connection: keep-alive\r\n"))
            status, headers, _ = answer(connection)

            assert (status, headers["connection"]) == (200, "keep-alive")


def test_a_chunked_body_is_not_for_http_1_0(gateway: Suite) -> None:
    found = send(gateway, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    assert " 400 " in found.splitlines()[0]


@pytest.mark.parametrize(
    "line", ["GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_older_and_newer_versions_are_refused(gateway: Suite, line: str) -> None:
    found = send(gateway, line)

    assert found.split()[1] in ("400", "505")
    assert "application/problem+json" in found


def test_who_asks_before_sending_is_told_to_go_on(gateway: Suite) -> None:
    with connect(gateway) as connection:
        connection.sendall(post("/api/auth/login", "Content-Length: 1\r\nExpect: 100-continue\r\n"))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{")

        assert answer(connection)[0] == 400


@pytest.mark.parametrize(("path", "length", "status"), [("/nope", 5, 404), ("/api/auth/login", 1 << 30, 413)])
def test_who_asks_before_sending_what_is_not_wanted_gets_the_answer_at_once(
    gateway: Suite, path: str, length: int, status: int
) -> None:
    found = send(gateway, post(path, f"Content-Length: {length}\r\nExpect: 100-continue\r\n").decode())

    assert f" {status} " in found.splitlines()[0]
    assert "Connection: close" in found
    assert "100 Continue" not in found


@pytest.mark.parametrize("part", ["GET / HT", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_request_without_its_end_is_not_carried_out(gateway: Suite, part: str) -> None:
    with connect(gateway) as connection:
        connection.sendall(part.encode())
        connection.shutdown(socket.SHUT_WR)

        assert until_closed(connection) == ""


@pytest.mark.parametrize(
    ("request_", "times"),
    [
        (get("/docs/swagger-ui-bundle.js"), 100),
        (get()[:30], 100),
        (post("/api/auth/login", "Content-Length: 9\r\n", "{"), 100),
        (post("/api/auth/login", "Content-Length: 2\r\n", "{}"), 8),
        (b"", 100),
    ],
    ids=["answer", "head", "body", "work", "nothing"],
)
def test_clients_that_go_away_leave_nothing_behind(gateway: Suite, request_: bytes, times: int) -> None:
    pid = gateway.processes["gateway"].pid
    before = len(os.listdir(f"/proc/{pid}/fd"))
    for _ in range(times):
        connection = connect(gateway)
        connection.sendall(request_)
        # A reset instead of an end: the harder of the two ways to go.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    time.sleep(0.2)

    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before + 2)
    assert "Traceback" not in gateway.logs()
