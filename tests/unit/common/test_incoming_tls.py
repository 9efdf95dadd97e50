"""Reading from a client over TLS, where some of what has come may be in OpenSSL already."""

import io
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest

from common import tls
from common.incoming import Secured
from tests.certificates import make_pair
from tests.unit.common.turns import Turns

Pair = tuple[Any, Any]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """The server's."""
    made = make_pair(tmp_path_factory.mktemp("pair"))
    found = tls.context_of({"tls_cert": str(made.certificate), "tls_key": str(made.key)})
    assert found is not None
    return found


@pytest.fixture
def pair(context: ssl.SSLContext) -> Iterator[Pair]:
    """The server's end and the client's, who have agreed on keys."""
    ours, theirs = socket.socketpair()
    client = ssl._create_unverified_context()
    connecting = eventlet.spawn(client.wrap_socket, theirs)
    green = context.wrap_socket(ours, server_side=True)
    with connecting.wait() as clients, green:
        yield green, clients


def test_what_is_decrypted_already_is_not_waited_for(pair: Pair) -> None:
    incoming = Secured(pair[0])
    reader = io.BufferedReader(incoming)
    pair[1].sendall(b"a" * 16_000)  # one record, and twice as much as is taken at a time

    with eventlet.Timeout(5):
        assert reader.read(1) == b"a"
        reader.read(8191)
        incoming.is_early = True
        assert len(reader.read(7808)) == 7808
    incoming.release()


def test_what_comes_later_is_waited_for(pair: Pair) -> None:
    incoming = Secured(pair[0])
    reader = io.BufferedReader(incoming)
    for line in (b"first\n", b"second\n"):
        incoming.is_early = True
        eventlet.spawn_after(0.01, pair[1].sendall, line)

        assert reader.readline() == line
    incoming.release()


def test_others_have_their_turn_while_a_client_sends_as_fast_as_it_is_read(pair: Pair) -> None:
    pair[1].sendall(b"a" * 100_000)
    incoming = Secured(pair[0])
    with Turns() as turns:
        assert len(io.BufferedReader(incoming).read(100_000)) == 100_000
        assert turns.count >= 3
    incoming.release()


@pytest.mark.parametrize(("at_once", "most"), [(True, 0), (False, 20_000)])
def test_after_the_end_nothing_is_read_but_what_had_come(pair: Pair, at_once: bool, most: int) -> None:
    pair[1].sendall(b"a" * 16_000)
    incoming = Secured(pair[0])
    assert incoming.read(1) == b"a"

    incoming.end(at_once)

    assert len(incoming.read(99_999) or b"") == (15_999 if most else 0)
    assert incoming.read(9) == b""


def test_who_waits_is_woken_by_the_end(pair: Pair) -> None:
    incoming = Secured(pair[0])
    eventlet.spawn_after(0.01, incoming.end, True)

    with eventlet.Timeout(5):
        assert incoming.read(1) == b""
    incoming.release()
