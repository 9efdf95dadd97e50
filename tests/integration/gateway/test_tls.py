"""The gateway over TLS: what it says there, and clients that stall, go away or speak plainly."""

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from ops.engines import RabbitMQ
from tests.certificates import Pair, make_pair
from tests.integration.gateway.conftest import wait_until
from tests.integration.gateway.wire import (
    CHUNKED,
    CLOSE,
    ENDLESS,
    answer,
    answer_to_one_who_sends,
    connect,
    get,
    post,
    until_closed,
)
from tests.suite import Suite

HEAD, BODY, MOST = 2, 3, 40


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def secure(
    rabbitmq: RabbitMQ, vhost: str, pair: Pair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Suite]:
    """A gateway with a certificate and little patience."""
    settings = {
        "RABBITMQ_URL": rabbitmq.uri_of(vhost), "TLS_CERT": str(pair.certificate), "TLS_KEY": str(pair.key),
        "HTTP_HEAD_SECONDS": str(HEAD), "HTTP_BODY_SECONDS": str(BODY), "HTTP_MAX_CONNECTIONS": str(MOST),
        "JWT_SECRET": "a secret that is long enough for these tests 0123456789",
    }  # fmt: skip
    suite = Suite(tmp_path_factory.mktemp("secure"), settings)
    suite.start("gateway")
    try:
        wait_until(lambda: lives(suite, pair))
        yield suite
    finally:
        ended = suite.stop()
    assert ended == {"gateway": 0}
    assert "Traceback" not in suite.logs()


def lives(suite: Suite, pair: Pair) -> bool:
    try:
        return ask(suite, pair).status_code == 200
    except requests.ConnectionError:
        return False


def ask(suite: Suite, pair: Pair, path: str = "/health/live") -> requests.Response:
    """One call as a careful client makes it."""
    address = f"https://127.0.0.1:{suite.ports['gateway']}{path}"
    return requests.get(address, verify=str(pair.certificate), timeout=5)


def over_tls(suite: Suite, pair: Pair) -> ssl.SSLSocket:
    """A connection that tells an end in order from one that cuts something off."""
    context = ssl.create_default_context(cafile=str(pair.certificate))
    return context.wrap_socket(connect(suite), server_hostname="localhost", suppress_ragged_eofs=False)


def test_answers_say_that_only_tls_is_spoken_from_now_on(secure: Suite, pair: Pair) -> None:
    found = [ask(secure, pair, path) for path in ("/", "/nope", "/api/todos", "/docs")]

    assert [one.status_code for one in found] == [200, 404, 401, 200]
    assert {one.headers["Strict-Transport-Security"] for one in found} == {"max-age=31536000"}
    assert found[0].json()["links"]["todos"].startswith("https://127.0.0.1:")


def test_what_is_no_http_is_told_so_too(secure: Suite, pair: Pair) -> None:
    with over_tls(secure, pair) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        found = until_closed(connection)

    assert " 400 " in found.splitlines()[0]
    assert "Strict-Transport-Security" in found


@pytest.mark.parametrize(("first", "endless"), ENDLESS)
def test_chunks_without_end_are_refused_while_they_come(
    secure: Suite, pair: Pair, first: str, endless: bytes
) -> None:
    with over_tls(secure, pair) as connection:
        connection.sendall(post("/api/auth/login", CHUNKED, first))

        assert answer_to_one_who_sends(connection, endless) == 400


def test_without_tls_there_is_no_such_header(gateway: Suite) -> None:
    assert "Strict-Transport-Security" not in requests.get(f"{gateway.url}/", timeout=5).headers


def test_a_connection_carries_many_requests_and_ends_in_order(secure: Suite, pair: Pair) -> None:
    with over_tls(secure, pair) as connection:
        for _ in range(20):
            connection.sendall(get("/openapi.json"))
            status, _, body = answer(connection)
            assert (status, body[:1], body[-2:]) == (200, b"{", b"}\n")
        connection.sendall(get(headers=CLOSE))

        assert " 200 " in until_closed(connection).splitlines()[0]  # an end that is none raises here


def test_what_is_long_arrives_whole(secure: Suite, gateway: Suite, pair: Pair) -> None:
    path = "/docs/swagger-ui-bundle.js"
    found = ask(secure, pair, path).content

    assert len(found) > 1_000_000
    assert found == requests.get(f"{gateway.url}{path}", timeout=5).content


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(secure: Suite, version: ssl.TLSVersion) -> None:
    context = ssl._create_unverified_context()
    context.minimum_version = context.maximum_version = version
    with context.wrap_socket(connect(secure)) as connection:
        connection.sendall(get())

        assert answer(connection)[0] == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_older_versions_are_not(secure: Suite) -> None:
    context = ssl._create_unverified_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with connect(secure) as plain, pytest.raises(ssl.SSLError, match="alert protocol version"):
        context.wrap_socket(plain)


def test_a_client_that_speaks_plainly_is_told_what_this_port_speaks(secure: Suite) -> None:
    with connect(secure) as connection:
        connection.sendall(get())
        found = until_closed(connection)

    assert " 400 " in found.splitlines()[0]
    assert "HTTPS only" in found


def test_clients_that_say_nothing_hold_up_nobody_and_have_a_time(secure: Suite, pair: Pair) -> None:
    with ExitStack() as stack:
        started = time.monotonic()
        silent = [stack.enter_context(connect(secure)) for _ in range(MOST // 2)]
        silent[0].sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a greeting

        assert ask(secure, pair).status_code == 200
        assert time.monotonic() - started < 1
        assert [until_closed(one) for one in silent] == [""] * len(silent)
        assert HEAD - 0.1 < time.monotonic() - started < HEAD + 2


def test_where_as_many_are_open_as_may_be_those_that_say_nothing_give_way(secure: Suite, pair: Pair) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(secure)) for _ in range(MOST)]

        assert ask(secure, pair).status_code == 200
        assert until_closed(silent[0]) == ""


def test_a_body_has_a_time_in_all_over_tls_too(secure: Suite, pair: Pair) -> None:
    with over_tls(secure, pair) as connection:
        started = time.monotonic()
        connection.sendall(post("/api/auth/login", "Content-Length: 200\r\n", "{"))
        found = until_closed(connection)

    assert " 408 " in found.splitlines()[0]
    assert BODY - 0.1 < time.monotonic() - started < BODY + 2


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"GET", b"\x15" * 100])
def test_clients_that_go_away_during_the_greeting_leave_nothing_behind(secure: Suite, sent: bytes) -> None:
    pid = secure.processes["gateway"].pid
    before = len(os.listdir(f"/proc/{pid}/fd"))
    for _ in range(MOST):
        with connect(secure) as connection:
            connection.sendall(sent)
            with contextlib.suppress(OSError):  # the gateway may have seen enough, and gone
                connection.shutdown(socket.SHUT_WR)

    wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before + 1)
