"""A broker that takes nothing: who would add much is told so, and nothing that was taken on is lost."""

import socket
import time
from collections.abc import Iterator

import eventlet
import pytest
from kombu import Exchange

from common.transport import frames, wire
from common.transport.calling import Calling, Question
from common.transport.frames import Delivery
from common.transport.serving import CHANNEL, SMALL_BYTES, Serving
from common.transport.wire import LinkFull
from tests.unit.common.transport.broker_end import Pair

LONG = b"x" * 500_000
WINDOW = 64


class Taker:
    """Takes deliveries, and leaves them."""

    def take(self, message: Delivery) -> None:
        """Nothing is done with it yet."""


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair(socket.SOCK_STREAM)
    yield made
    made.wire.cut("the test is over")
    made.close()


@pytest.fixture
def serving(pair: Pair) -> Serving:
    made = Serving("calls", window=WINDOW)
    made.consumer = Taker()
    made.opened(pair.wire)
    return made


def delivered(serving: Serving) -> list[Delivery]:
    """A whole window of calls."""
    messages = [Delivery(CHANNEL, tag, {}) for tag in range(1, WINDOW + 1)]
    for message in messages:
        message.properties = {"reply_to": "rpc.reply-x", "correlation_id": f"call {message.tag}."}
        serving.deliver(message)
    return messages


def read_all(pair: Pair, ending: bytes) -> bytes:
    """What the broker reads when it reads again."""
    found = b""
    with eventlet.Timeout(5):
        while not found.endswith(ending):
            found += pair.peer.recv(1_000_000)
    return found


def fill(pair: Pair) -> None:
    while not pair.wire.is_full:
        pair.wire.send(LONG)


def test_every_call_is_answered_and_acknowledged_once_the_broker_reads_again(
    pair: Pair, serving: Serving
) -> None:
    refused = 0
    for message in delivered(serving):
        try:
            serving.reply(message, LONG)
        except LinkFull:
            refused += 1
            serving.reply(message, b"lost")
    assert 0 < refused < WINDOW
    serving.flush()
    found = read_all(pair, frames.ack(CHANNEL, WINDOW, multiple=True))
    assert all(found.count(b"call %d." % tag) == 1 for tag in range(1, WINDOW + 1))


def test_what_waits_is_bounded(pair: Pair, serving: Serving) -> None:
    messages = delivered(serving)
    fill(pair)
    for message in messages:
        with pytest.raises(LinkFull):
            serving.reply(message, b"x" * (SMALL_BYTES + 1))
        serving.reply(message, b"x" * SMALL_BYTES)
    assert pair.wire._waiting_bytes < wire.MOST_WAITING_BYTES + len(LONG) + WINDOW * (SMALL_BYTES + 200)


def test_a_call_is_refused_to_its_caller_at_once(pair: Pair) -> None:
    calling = Calling(Exchange("calls"), "tests")
    calling.opened(pair.wire)
    fill(pair)
    with pytest.raises(LinkFull):
        calling.call(Question("todos", "list", {}, b"{}", 5.0), TimeoutError)
    assert calling.awaited == {}


def test_what_others_have_gathered_and_calls_that_go_back_are_kept(pair: Pair, serving: Serving) -> None:
    first, second, *_ = delivered(serving)
    serving.reply(first, b"{}")  # is gathered, since others are under way
    fill(pair)
    with pytest.raises(LinkFull):
        serving.reply(second, LONG)
    serving.requeue(second)
    serving.flush()
    ending = frames.requeue(CHANNEL, 2) + frames.ack(CHANNEL, 1, multiple=True)
    assert b"call 1." in read_all(pair, ending)


def test_there_is_room_again_when_the_broker_has_read(pair: Pair) -> None:
    fill(pair)
    pair.wire.send(b"the last")
    read_all(pair, b"the last")
    eventlet.sleep(0)
    assert not pair.wire.is_full


def test_the_end_of_a_full_connection_takes_no_longer_than_the_time_for_it(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "GOODBYE_SECONDS", 0.2)
    fill(pair)
    started = time.monotonic()
    pair.wire.close()
    assert 0.15 < time.monotonic() - started < 0.8
