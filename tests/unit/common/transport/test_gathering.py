"""What one turn of the hub brings goes out in few writes; nothing is lost, overtaken or held for long."""

import socket
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.transport.wire import MOST_GATHERED, MOST_GATHERED_BYTES, LinkLost
from tests.unit.common.transport.broker_end import Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_what_is_gathered_in_one_turn_is_one_write_at_its_end(pair: Pair) -> None:
    for piece in (b"one ", b"two ", b"three"):
        pair.wire.gather(piece)
    assert pair.writes() == []
    eventlet.sleep(0)
    assert pair.writes() == [b"one two three"]


def test_each_turn_has_its_own_write(pair: Pair) -> None:
    for piece in (b"one", b"two"):
        pair.wire.gather(piece)
        eventlet.sleep(0)
    assert pair.writes() == [b"one", b"two"]


def test_enough_of_them_do_not_wait_for_the_end_of_the_turn(pair: Pair) -> None:
    for number in range(2 * MOST_GATHERED + 1):
        pair.wire.gather(b"%d " % number)
    assert [write.count(b" ") for write in pair.writes()] == [MOST_GATHERED, MOST_GATHERED]
    eventlet.sleep(0)
    assert pair.writes() == [b"%d " % (2 * MOST_GATHERED)]


def test_large_ones_do_not_wait_either_and_those_after_them_still_gather(pair: Pair) -> None:
    large = b"x" * MOST_GATHERED_BYTES
    pair.wire.gather(b"before")
    pair.wire.gather(large)
    assert pair.writes() == [b"before" + large]
    pair.wire.gather(large)
    assert pair.writes() == [large]
    pair.wire.gather(b"after")
    assert pair.writes() == []


def test_what_leaves_at_once_takes_along_what_was_gathered_before_it(pair: Pair) -> None:
    pair.wire.gather(b"first ")
    pair.wire.send(b"second")
    assert pair.writes() == [b"first second"]
    eventlet.sleep(0)
    assert pair.writes() == []


def test_an_orderly_end_takes_along_what_was_gathered(pair: Pair) -> None:
    pair.wire.gather(b"last words, ")
    pair.wire.gather(b"goodbye")
    pair.wire.close()
    assert pair.writes() == [b"last words, goodbye"]


def test_a_connection_that_is_lost_within_the_turn_takes_no_more_and_harms_nobody(pair: Pair) -> None:
    pair.wire.gather(b"never sent")
    pair.wire.cut("for a test")
    eventlet.sleep(0)
    with pytest.raises(LinkLost):
        pair.wire.gather(b"x")


def test_what_has_to_wait_is_one_write_as_well() -> None:
    pair = Pair(encrypted=True)  # where nothing is written at once
    for piece in (b"under way", b"one ", b"two ", b"three"):
        pair.wire.send(piece)
    eventlet.sleep(0)
    assert pair.writes() == [b"under way", b"one two three"]
    pair.close()


@given(st.lists(st.tuples(st.sampled_from(("gather", "send")), st.integers(1, 9_000), st.booleans())))
def test_in_whatever_way_they_are_written_all_arrive_in_order(steps: list[tuple[str, int, bool]]) -> None:
    narrow = Pair(socket.SOCK_STREAM, buffer=4_096)
    pieces = [bytes([number % 256]) * size for number, (_, size, _) in enumerate(steps)]
    reading = eventlet.spawn(_read_all, narrow.peer)
    for piece, (how, _, is_turn_over) in zip(pieces, steps, strict=True):
        getattr(narrow.wire, how)(piece)
        if is_turn_over:
            eventlet.sleep(0)
    narrow.wire.gather(b"end")
    narrow.wire.close()
    assert reading.wait() == b"".join(pieces) + b"end"
    narrow.peer.close()


def _read_all(peer: Any) -> bytes:
    found = b""
    while data := peer.recv(65_536):
        found += data
    return found
