"""Reading from a client over TLS, where some of what has come may be in OpenSSL already."""

import ctypes
import io
import socket
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest

from common import tls
from common.incoming import Secured
from common.secured import SecuredSocket
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
    with eventlet.listen(("127.0.0.1", 0)) as port, socket.create_connection(port.getsockname()) as theirs:
        connecting = eventlet.spawn(ssl._create_unverified_context().wrap_socket, theirs)
        with port.accept()[0] as ours:
            secured = SecuredSocket(ours, context)
            secured.do_handshake()
            with connecting.wait() as clients:
                yield secured, clients


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
        assert turns.count >= 2
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


def announce_new_keys(client: ssl.SSLSocket, times: int) -> None:
    """What Python has no call for: OpenSSL's own, with its own pointer."""
    system: Any = client
    openssl = ctypes.CDLL(getattr(sys.modules["_ssl"], "__file__", None))
    pointer = ctypes.c_void_p.from_address(id(system._sslobj) + 3 * ctypes.sizeof(ctypes.c_void_p))
    for _ in range(times):
        assert openssl.SSL_key_update(pointer, 0) == 1
        assert openssl.SSL_do_handshake(pointer) == 1


def test_others_have_their_turn_while_a_client_sends_what_is_no_data(pair: Pair) -> None:
    announce_new_keys(pair[1], 2500)
    pair[1].sendall(b"a")
    incoming = Secured(pair[0])
    with Turns() as turns:
        assert incoming.read(1) == b"a"
        assert turns.count >= 3
    incoming.release()


def test_what_is_long_is_written_whole_and_its_end_told(pair: Pair) -> None:
    data = bytes(range(256)) * 4000

    def write() -> None:
        pair[0].sendall(data)
        pair[0].part()

    eventlet.spawn(write)
    assert b"".join(iter(lambda: pair[1].recv(65536), b"")) == data


def test_a_client_that_is_too_slow_in_its_greeting_is_given_up(context: ssl.SSLContext) -> None:
    with eventlet.listen(("127.0.0.1", 0)) as port, socket.create_connection(port.getsockname()) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a greeting
        secured = SecuredSocket(port.accept()[0], context)
        eventlet.spawn_after(0.01, secured.cut)
        with eventlet.Timeout(5), pytest.raises(OSError):
            secured.do_handshake()
        secured.close()
