"""Reading from a client: whatever comes, whenever it comes, and nothing left with the poll afterwards."""

import io
import socket
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from eventlet.greenio import GreenSocket
from eventlet.hubs import get_hub
from eventlet.patcher import original

from common.incoming import Incoming
from tests.unit.common.turns import Turns

Pair = tuple[Any, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's end and the client's."""
    ours, theirs = original("socket").socketpair()  # eventlet's are two deep
    with theirs, GreenSocket(ours) as green:
        yield green, theirs


def is_watched(sock: GreenSocket) -> bool:
    """Whether the poll has the socket's descriptor."""
    return sock.fileno() in get_hub().listeners[get_hub().READ]


@pytest.mark.parametrize("is_early", [False, True])
def test_what_comes_later_is_waited_for(pair: Pair, is_early: bool) -> None:
    incoming = Incoming(pair[0])
    reader = io.BufferedReader(incoming)
    for line in (b"first\n", b"second\n"):
        incoming.is_early = is_early
        eventlet.spawn_after(0.01, pair[1].sendall, line)

        assert reader.readline() == line
    incoming.release()


def test_what_is_there_already_is_read_at_once(pair: Pair) -> None:
    pair[1].sendall(b"a")
    incoming = Incoming(pair[0])
    incoming.is_early = True

    assert incoming.read(9) == b"a"
    incoming.release()


def test_what_comes_while_nobody_reads_is_kept_and_watched_no_longer(pair: Pair) -> None:
    incoming = Incoming(pair[0])
    eventlet.spawn_after(0.01, pair[1].sendall, b"a")
    assert incoming.read(1) == b"a"
    assert is_watched(pair[0])

    pair[1].sendall(b"b")
    eventlet.sleep(0.01)

    assert not is_watched(pair[0])
    assert incoming.read(1) == b"b"


@pytest.mark.parametrize("is_reset", [False, True])
def test_the_client_s_end_is_the_end_in_order_or_not(pair: Pair, is_reset: bool) -> None:
    incoming = Incoming(pair[0])
    if is_reset:
        pair[0].sendall(b"unread")  # makes a reset of the close
    eventlet.spawn_after(0.01, pair[1].close)

    assert incoming.read(1) == b""
    incoming.release()


def test_a_reader_that_is_ended_while_it_waits_leaves_nobody_to_be_woken(pair: Pair) -> None:
    incoming = Incoming(pair[0])
    with eventlet.Timeout(0.01, False):
        incoming.read(1)
    pair[1].sendall(b"a")
    eventlet.sleep(0.01)

    assert incoming.read(1) == b"a"


def test_a_released_descriptor_can_be_closed_and_used_again(pair: Pair) -> None:
    incoming = Incoming(pair[0])
    eventlet.spawn_after(0.01, pair[1].sendall, b"a")
    incoming.read(1)
    incoming.release()
    incoming.release()

    assert not is_watched(pair[0])


@pytest.fixture
def connected() -> Iterator[Pair]:
    """The same over TCP, of which Linux delivers what comes after a shutdown for reading."""
    with eventlet.listen(("127.0.0.1", 0)) as port, socket.create_connection(port.getsockname()) as theirs:
        ours = port.accept()[0]
        with ours:
            yield ours, theirs


def test_others_have_their_turn_while_a_client_sends_as_fast_as_it_is_read(pair: Pair) -> None:
    pair[1].sendall(b"a" * 100_000)
    incoming = Incoming(pair[0])
    with Turns() as turns:
        reader = io.BufferedReader(incoming)
        assert sum(len(reader.read(1000)) for _ in range(100)) == 100_000
        assert turns.count >= 4
    incoming.release()


def test_after_an_end_at_once_nothing_is_read_however_much_comes(connected: Pair) -> None:
    incoming = Incoming(connected[0])
    connected[1].sendall(b"before")
    incoming.end(at_once=True)
    connected[1].sendall(b"after")

    assert [incoming.read(9) for _ in range(3)] == [b"", b"", b""]


def test_after_an_end_in_order_what_had_come_is_read_and_nothing_else(connected: Pair) -> None:
    incoming = Incoming(connected[0])
    connected[1].sendall(b"before")
    assert incoming.read(1) == b"b"
    incoming.end(at_once=False)
    connected[1].sendall(b"after")

    assert [incoming.read(3), incoming.read(9), incoming.read(9)] == [b"efo", b"re", b""]


def test_an_end_in_order_takes_back_no_end_at_once(connected: Pair) -> None:
    incoming = Incoming(connected[0])
    connected[1].sendall(b"a")
    incoming.end(at_once=True)
    incoming.end(at_once=False)

    assert incoming.read(9) == b""


@pytest.mark.parametrize("at_once", [False, True])
def test_who_waits_is_woken_by_the_end(connected: Pair, at_once: bool) -> None:
    incoming = Incoming(connected[0])
    eventlet.spawn_after(0.01, incoming.end, at_once)

    with eventlet.Timeout(5):
        assert incoming.read(1) == b""
    incoming.release()


def test_what_comes_is_passed_over_until_the_client_is_gone(pair: Pair) -> None:
    pair[1].sendall(b"a")
    eventlet.spawn_after(0.01, pair[1].close)
    incoming = Incoming(pair[0])

    assert incoming.pass_over()
    assert not incoming.pass_over()
    incoming.release()
