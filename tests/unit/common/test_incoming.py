"""Reading from a client: whatever comes, whenever it comes, and nothing left with the poll afterwards."""

import io
import socket
from collections.abc import Iterator

import eventlet
import pytest
from eventlet.greenio import GreenSocket
from eventlet.hubs import get_hub

from common.incoming import Incoming

Pair = tuple[GreenSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's end and the client's."""
    ours, theirs = socket.socketpair()
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
