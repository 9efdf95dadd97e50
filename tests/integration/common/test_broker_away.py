"""A broker that takes nothing, or stops and comes back: what is told meanwhile, and what is there then."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest

from common import topology
from common.broker import ConfirmedPublisher, PublishFailed
from common.errors import SuiteError, Unavailable
from ops.engines import RabbitMQ
from tests.integration.common.calls import Middle, Target
from tests.integration.common.test_broker_trouble import mail
from tests.integration.conftest import Run
from tests.integration.running import Running, Wire, eventually, make_config


def seconds_until(problem: type[Exception], work: Callable[[], Any]) -> float:
    """After how many seconds this has failed, as it has to."""
    started = time.monotonic()
    with pytest.raises(problem):
        work()
    return time.monotonic() - started


@dataclass
class Place:
    """A virtual host with two services of one transport, and one who publishes."""

    uri: str
    target: Running
    middle: Running
    publisher: ConfirmedPublisher

    def answers(self) -> bool:
        """Whether a call from the one service to the other gets its answer."""
        try:
            return bool(self.middle.inject("target").within(2).echo(value=1) == 1)
        except SuiteError:
            return False

    def outcome(self) -> Any:
        """What becomes of a call that takes a second."""
        try:
            return self.middle.inject("target").sleep(seconds=1, mark="busy")
        except SuiteError as error:
            return error

    def call_fails(self) -> float:
        """After how many seconds a call has failed that has two."""
        return seconds_until(SuiteError, lambda: self.middle.inject("target").within(2).echo(value=1))

    def publishing_fails(self) -> float:
        """After how many seconds that is known."""
        return seconds_until(PublishFailed, lambda: self.publisher.publish([mail(1)]))

    def is_told(self) -> float:
        """After how many seconds a call is told that the broker is away."""
        return seconds_until(Unavailable, lambda: self.middle.inject("target").within(8).echo(value=1))

    def publish_again(self) -> None:
        """The first try may find that the connection has ended."""
        try:
            self.publisher.publish([mail(99)])
        except PublishFailed:
            self.publisher.publish([mail(99)])

    def kept(self) -> int:
        """How many mails are in the queue."""
        wire = Wire(self.uri)
        try:
            return wire.count(topology.DEAD_LETTERS)
        finally:
            wire.close()


@pytest.fixture(scope="module")
def places(rabbitmq: RabbitMQ, module_run: Run) -> Iterator[list[Place]]:
    """One of each transport, as a start of the broker takes seconds of processor time."""
    uris = {transport: rabbitmq.add_vhost(f"away-{transport}") for transport in ("fast", "stock")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topology, "SERVICES", (*topology.SERVICES, "target", "middle"))
        made = [_place(uri, module_run, transport) for transport, uri in uris.items()]
        yield made
    for place in made:
        place.publisher.stop()


def _place(uri: str, run: Run, transport: str) -> Place:
    config = make_config(AMQP_URI=uri, RPC_TRANSPORT=transport)
    publisher = ConfirmedPublisher()
    publisher.container = SimpleNamespace(config=config)
    return Place(uri, run(Target, config), run(Middle, config), publisher)


def at_once(ask: Callable[[Place], float], places: list[Place]) -> float:
    """The most seconds that it took."""
    return max(eventlet.GreenPool().imap(ask, places))


def test_a_broker_that_takes_nothing_is_a_failure_in_bounded_time_and_recovers(
    rabbitmq: RabbitMQ, places: list[Place]
) -> None:
    for place in places:
        place.publisher.publish([mail(0)])
    before = rabbitmq.evaluate("vm_memory_monitor:get_vm_memory_high_watermark()")
    rabbitmq.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.0)")
    try:
        assert at_once(Place.publishing_fails, places) < 13
        assert at_once(Place.call_fails, places) < 4
    finally:
        rabbitmq.evaluate(f"vm_memory_monitor:set_vm_memory_high_watermark({before})")
    for place in places:
        place.publisher.publish([mail(2)])
        eventually(place.answers)
    assert all(one.is_alive for place in places for one in (place.target, place.middle))


def test_calls_are_told_that_the_broker_is_away_and_it_is_found_again_with_all_that_it_confirmed(
    rabbitmq: RabbitMQ, places: list[Place]
) -> None:
    before = {place.uri: place.kept() for place in places}
    for place in places:
        place.publisher.publish([mail(number) for number in range(50)])
    busy = [eventlet.spawn(place.outcome) for place in places for _ in range(5)]
    eventlet.sleep(0.2)
    rabbitmq.stop()
    assert at_once(Place.is_told, places) < 9
    rabbitmq.start()
    rabbitmq.wait_ready()
    started = time.monotonic()
    for place in places:
        eventually(place.answers, 20)
    assert time.monotonic() - started < 20
    for place in places:
        place.publish_again()
        assert place.kept() >= before[place.uri] + 51
    assert all(isinstance(one.wait(), SuiteError | str) for one in busy)
    assert all(one.is_alive for place in places for one in (place.target, place.middle))
