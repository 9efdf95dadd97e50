"""When calls and replies leave: alone at once, in company together, and never after their acknowledgement."""

from collections.abc import Iterator

import eventlet
import pytest
from kombu import Exchange

from common.transport import frames
from common.transport.calling import Calling, Question
from common.transport.frames import Delivery
from common.transport.serving import CHANNEL, Serving
from tests.unit.common.transport.broker_end import Pair


class Taker:
    """Takes deliveries, and leaves them."""

    def take(self, message: Delivery) -> None:
        """Nothing is done with it yet."""


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


@pytest.fixture
def serving(pair: Pair) -> Serving:
    made = Serving("calls", window=8)
    made.consumer = Taker()
    made.opened(pair.wire)
    return made


def delivered(serving: Serving, *tags: int) -> list[Delivery]:
    messages = [Delivery(CHANNEL, tag, {}) for tag in tags]
    for message in messages:
        message.properties = {"reply_to": "caller", "correlation_id": f"call {message.tag}"}
        serving.deliver(message)
    return messages


def calls_in(writes: list[bytes]) -> list[list[int]]:
    """Which calls each write is about."""
    known = {number: b"call %d" % number for number in range(1, 10)}
    return [[number for number, name in known.items() if name in write] for write in writes]


def test_the_reply_to_the_only_call_leaves_at_once(pair: Pair, serving: Serving) -> None:
    (only,) = delivered(serving, 1)
    serving.reply(only, b"1")
    assert calls_in(pair.writes()) == [[1]]


def test_replies_leave_together_while_other_calls_are_worked_on(pair: Pair, serving: Serving) -> None:
    first, second, _slow = delivered(serving, 1, 2, 3)
    serving.reply(first, b"1")
    serving.reply(second, b"2")
    assert pair.writes() == []
    eventlet.sleep(0)
    assert calls_in(pair.writes()) == [[1, 2]]


def test_the_last_reply_takes_those_along_that_wait(pair: Pair, serving: Serving) -> None:
    first, second = delivered(serving, 1, 2)
    serving.reply(first, b"1")
    serving.reply(second, b"2")
    assert calls_in(pair.writes()) == [[1, 2]]


def test_a_call_that_was_given_back_is_no_company(pair: Pair, serving: Serving) -> None:
    first, second = delivered(serving, 1, 2)
    serving.requeue(second)
    serving.reply(first, b"1")
    (write,) = pair.writes()
    assert write.startswith(frames.requeue(CHANNEL, 2))
    assert calls_in([write]) == [[1]]


def test_calls_of_a_connection_that_was_lost_are_no_company(pair: Pair, serving: Serving) -> None:
    (old,) = delivered(serving, 1)
    serving.lost()
    serving.opened(pair.wire)
    serving.settle(old)
    (new,) = delivered(serving, 2)
    serving.reply(new, b"2")
    assert calls_in(pair.writes()) == [[2]]


def test_no_acknowledgement_overtakes_its_reply(pair: Pair, serving: Serving) -> None:
    first, _slow = delivered(serving, 1, 2)
    serving.reply(first, b"1")
    serving.flush()
    eventlet.sleep(0)
    (write,) = pair.writes()
    assert write.endswith(frames.ack(CHANNEL, 1, multiple=True))
    assert calls_in([write]) == [[1]]


def test_an_acknowledgement_leaves_with_the_replies_of_its_turn(pair: Pair, serving: Serving) -> None:
    first, second, _slow = delivered(serving, 1, 2, 3)
    serving.settle(first)
    serving.flush()
    serving.reply(second, b"2")
    eventlet.sleep(0)
    (write,) = pair.writes()
    assert write.startswith(frames.ack(CHANNEL, 1, multiple=True))
    assert calls_in([write]) == [[2]]


def test_a_call_leaves_at_once_and_those_that_come_while_it_is_under_way_together(pair: Pair) -> None:
    calling = Calling(Exchange("calls"), "tests")
    calling.opened(pair.wire)
    asked = [Question("todos", f"call {number}", {}, b"{}", 5.0) for number in (1, 2, 3)]
    threads = [eventlet.spawn(calling.call, question, TimeoutError) for question in asked]
    eventlet.sleep(0)
    assert calls_in(pair.writes()) == [[1]]
    eventlet.sleep(0)
    assert calls_in(pair.writes()) == [[2, 3]]
    for thread in threads:
        thread.kill()


@pytest.mark.parametrize(
    ("address", "exchange"),
    [
        ("rpc.reply-gateway-b7d7", b""), ("amq.rabbitmq.reply-to.g2dk.x", b""),
        ("8b1fd1ee-7f7c-4fa2-b9a3-8d9f1b0f6c55", b"calls"),
    ],
)  # fmt: skip
def test_a_reply_goes_to_the_queue_that_is_named_and_else_by_the_exchange_of_calls(
    pair: Pair, serving: Serving, address: str, exchange: bytes
) -> None:
    (only,) = delivered(serving, 1)
    only.properties["reply_to"] = address
    serving.reply(only, b"1")
    (write,) = pair.writes()
    assert b"".join(bytes((len(name),)) + name for name in (exchange, address.encode())) in write
