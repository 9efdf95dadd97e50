"""What becomes of a publisher's next message after one that failed."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest

from common import broker, topology
from common.broker import ConfirmedPublisher, Message, PublishFailed
from tests.integration.running import Running, Wire


@pytest.fixture
def publisher(config: dict[str, Any], middle: Running) -> Iterator[ConfirmedPublisher]:
    publisher = ConfirmedPublisher()
    publisher.container = SimpleNamespace(config=config)
    yield publisher
    publisher.stop()


@pytest.fixture
def silent() -> Iterator[ConfirmedPublisher]:
    """To a broker that accepts connections and says nothing."""
    listener = eventlet.listen(("127.0.0.1", 0))
    uri = f"amqp://guest:guest@127.0.0.1:{listener.getsockname()[1]}/"
    publisher = ConfirmedPublisher()
    publisher.container = SimpleNamespace(config={"AMQP_URI": uri})
    yield publisher
    listener.close()


def mail(number: int, queue: str = topology.DEAD_LETTERS) -> Message:
    return Message("", queue, f"{number}", properties={"message_id": str(number)})


def test_what_was_published_is_in_the_queue_in_order_and_kept_on_disk(
    publisher: ConfirmedPublisher, wire: Wire
) -> None:
    publisher.publish([mail(number) for number in range(500)])
    assert wire.count(topology.DEAD_LETTERS) == 500
    taken = [wire.take(topology.DEAD_LETTERS) for _ in range(500)]
    assert [int(message.body) for message in taken] == list(range(500))
    assert {message.properties["delivery_mode"] for message in taken} == {2}


def test_many_publish_at_once_over_one_connection(publisher: ConfirmedPublisher, wire: Wire) -> None:
    pool = eventlet.GreenPool(50)
    list(pool.imap(lambda number: publisher.publish([mail(number)]), range(200)))
    assert wire.count(topology.DEAD_LETTERS) == 200
    wire.purge(topology.DEAD_LETTERS)


def test_a_message_that_no_queue_takes_is_a_failure_and_the_next_one_is_not(
    publisher: ConfirmedPublisher, wire: Wire
) -> None:
    with pytest.raises(PublishFailed, match="no queue takes"):
        publisher.publish([mail(1), mail(2, "nowhere")])
    publisher.publish([mail(3)])
    assert wire.count(topology.DEAD_LETTERS) == 2
    wire.purge(topology.DEAD_LETTERS)


def test_an_exchange_that_is_not_there_is_a_failure_and_the_next_one_is_not(
    publisher: ConfirmedPublisher, wire: Wire
) -> None:
    with pytest.raises(PublishFailed):
        publisher.publish([Message("nowhere", "x", "1")])
    publisher.publish([mail(1)])
    wire.purge(topology.DEAD_LETTERS)


def test_a_message_that_can_not_be_written_does_not_spoil_the_next_one(
    publisher: ConfirmedPublisher, wire: Wire
) -> None:
    for wrong in (
        Message("", topology.DEAD_LETTERS, "1", headers={"a": object()}),
        Message("", "x" * 300, "1"),
    ):
        with pytest.raises(Exception):  # noqa: B017
            publisher.publish([mail(1), wrong])
        started = time.monotonic()
        publisher.publish([mail(2)])
        assert time.monotonic() - started < 2
    wire.purge(topology.DEAD_LETTERS)


def test_a_publisher_that_is_killed_half_way_does_not_spoil_the_next_one(
    publisher: ConfirmedPublisher, wire: Wire
) -> None:
    half = eventlet.spawn(publisher.publish, [mail(number) for number in range(2000)])
    eventlet.sleep(0.01)
    half.kill()
    started = time.monotonic()
    publisher.publish([mail(1)])
    assert time.monotonic() - started < 3
    wire.purge(topology.DEAD_LETTERS)


def test_a_publisher_that_is_stopped_lets_what_is_under_way_arrive_and_takes_no_more(
    publisher: ConfirmedPublisher, wire: Wire
) -> None:
    half = eventlet.spawn(publisher.publish, [mail(number) for number in range(2000)])
    eventlet.sleep(0.01)
    assert not half.dead
    publisher.stop()
    half.wait()
    assert wire.count(topology.DEAD_LETTERS) == 2000
    with pytest.raises(PublishFailed, match="the process stops"):
        publisher.publish([mail(1)])
    wire.purge(topology.DEAD_LETTERS)


def test_a_publisher_that_is_stopped_waits_for_no_broker_that_is_silent(
    silent: ConfirmedPublisher,
) -> None:
    half = eventlet.spawn(silent.publish, [mail(1)])
    waiting = eventlet.spawn(silent.publish, [mail(2)])
    eventlet.sleep(0.05)
    started = time.monotonic()
    silent.stop()
    assert time.monotonic() - started < 3
    for one in (half, waiting):
        with pytest.raises(PublishFailed, match="stop"):
            one.wait()


def test_a_publisher_that_is_stopped_ends_nobody_who_has_just_published(
    silent: ConfirmedPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "_LAST_CONFIRM_SECONDS", 0.05)

    def messages() -> Iterator[Message]:
        eventlet.sleep(0.01)
        # Nobody else runs: the stop's patience ends before it hears that this has.
        eventlet.patcher.original("time").sleep(0.1)
        raise PublishFailed("refused")
        yield

    def work() -> str:
        with pytest.raises(PublishFailed, match="refused"):
            silent.publish(messages())
        eventlet.sleep(0.05)
        return "done"

    working = eventlet.spawn(work)
    eventlet.sleep(0)
    silent.stop()
    assert working.wait() == "done"


def test_without_a_broker_publishing_fails_within_seconds() -> None:
    publisher = ConfirmedPublisher()
    publisher.container = SimpleNamespace(config={"AMQP_URI": "amqp://guest:guest@127.0.0.1:1/"})
    started = time.monotonic()
    with pytest.raises(PublishFailed):
        publisher.publish([mail(1)])
    assert time.monotonic() - started < 12
