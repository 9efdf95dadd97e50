"""Writing never waits, nothing overtakes anything, and a dead peer is noticed."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest

from common.transport import frames
from common.transport.frames import Reader
from common.transport.wire import LinkLost, Wire


class Pair:
    """A wire, and the broker's end of it."""

    def __init__(self, heartbeat: float = 0) -> None:
        own, self.peer = socket.socketpair()
        self.wire = Wire(own, frame_max=131_072, heartbeat=heartbeat, encrypted=False)

    def received(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            found += self.peer.recv(65536)
        return found


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.wire.close()
    made.peer.close()


def test_what_the_broker_does_not_take_yet_is_written_later_and_in_order(pair: Pair) -> None:
    pieces = [bytes([number % 256]) * 50_000 for number in range(40)]
    started = time.monotonic()
    for piece in pieces:
        pair.wire.send(piece)
    assert time.monotonic() - started < 1  # nobody has read a byte
    assert pair.received(40 * 50_000) == b"".join(pieces)
    pair.wire.send(b"the last")
    assert pair.received(8) == b"the last"


def test_a_connection_that_was_cut_takes_nothing_and_its_reader_ends(pair: Pair) -> None:
    reader = Reader(lambda m: None, lambda m: None, lambda *other: None)
    reading = eventlet.spawn(_ends, pair.wire, reader)
    eventlet.sleep(0)
    pair.wire.cut("no more of it")
    assert reading.wait() == "no more of it"
    with pytest.raises(LinkLost):
        pair.wire.send(b"x")


def test_an_end_of_the_broker_is_an_end_of_the_connection(pair: Pair) -> None:
    pair.peer.close()
    assert _ends(pair.wire, Reader(lambda m: None, lambda m: None, lambda *other: None))


def test_what_waits_is_written_before_an_orderly_end(pair: Pair) -> None:
    pair.wire.send(b"a" * 2_000_000)
    reading = eventlet.spawn(pair.received, 2_000_003)
    pair.wire.gather(b"bye")
    pair.wire.close()
    assert reading.wait().endswith(b"abye")


def test_a_silent_peer_gets_heartbeats_and_is_given_up_after_two_of_its_own_are_missing() -> None:
    pair = Pair(heartbeat=0.2)
    started = time.monotonic()
    assert _ends(pair.wire, Reader(lambda m: None, lambda m: None, lambda *other: None))
    assert 0.3 < time.monotonic() - started < 2
    assert pair.peer.recv(1000).startswith(frames.HEARTBEAT_FRAME)
    pair.wire.close()


def test_a_peer_that_sends_heartbeats_is_kept() -> None:
    pair = Pair(heartbeat=0.2)
    reading = eventlet.spawn(_ends, pair.wire, Reader(lambda m: None, lambda m: None, lambda *other: None))
    for _ in range(8):
        pair.peer.sendall(frames.HEARTBEAT_FRAME)
        eventlet.sleep(0.1)
    assert pair.wire.is_open
    pair.wire.close()
    assert reading.wait()


def _ends(open_wire: Wire, reader: Any) -> str:
    try:
        open_wire.read_into(reader, b"")
    except LinkLost as lost:
        return str(lost)
    return ""
