"""Queues that overtake, and queues that somebody has declared in another way."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from kombu import Connection, Queue

from common import events, topology
from common.delivery import handles
from common.errors import Unavailable
from common.outbox import Entry, to_message
from ops.engines import RabbitMQ
from tests.integration.conftest import Run
from tests.integration.running import Wire, eventually, make_config

ASKED = events.NOTIFICATION_REQUESTED
ABOUT: dict[str, Any] = {"message_id": "m", "recipient": "a@example.com", "context": {}}


def asked(template: str) -> dict[str, Any]:
    return ASKED.make("r", template=template, **ABOUT)


def publish(wire: Wire, payload: dict[str, Any]) -> None:
    message = to_message(Entry(ASKED.source, ASKED.name, payload))
    wire.send(message.body, message.routing_key, message.exchange, **message.properties)


@pytest.fixture
def declared(vhost_uri: str) -> Iterator[Connection]:
    topology.declare(make_config(AMQP_URI=vhost_uri))
    with Connection(vhost_uri) as connection:
        yield connection


def test_what_is_urgent_overtakes_a_backlog_in_the_queue(declared: Connection, wire: Wire) -> None:
    queue = topology.event_queue(ASKED, "notifications").name
    for template in ("todo_created", "todo_deleted", "password_reset", "todo_updated", "welcome"):
        publish(wire, asked(template))
    eventually(lambda: wire.count(queue) == 5)
    bodies = [wire.take(queue).body for _ in range(5)]
    order = ["password_reset", "welcome", "todo_created", "todo_deleted", "todo_updated"]
    assert [template for body in bodies for template in order if template in body] == order


class Listener:
    """Hears one event."""

    name = "listener"
    heard: list[str] = []

    @handles(ASKED)
    def handle_notification_requested(self, event: dict[str, Any]) -> None:
        self.heard.append(event["event_id"])


class Retrier:
    """Hears one event, at the second attempt."""

    name = "retrier"
    heard: list[str] = []

    @handles(ASKED)
    def handle_notification_requested(self, event: dict[str, Any]) -> None:
        self.heard.append(event["event_id"])
        if len(self.heard) < 2:
            raise Unavailable("a_word", "A sentence.")


QUEUE_OF_RETRIER = topology.event_queue(ASKED, "retrier").name


@pytest.mark.parametrize("kind", [topology.CLASSIC, topology.QUORUM])
def test_events_and_retries_pass_through_queues_of_both_kinds(
    amqp_uri: str, run: Run, rabbitmq: RabbitMQ, kind: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.SUBSCRIBERS, "retrier", (ASKED,))
        run(Retrier, make_config(AMQP_URI=amqp_uri, EVENT_QUEUE_TYPE=kind))
        Retrier.heard.clear()
        payload = asked("welcome")
        wire = Wire(amqp_uri)
        publish(wire, payload)
        eventually(lambda: Retrier.heard == [payload["event_id"]] * 2)
        eventually(lambda: wire.count(QUEUE_OF_RETRIER) == 0)
        wire.close()
    address = f"{rabbitmq.management_url}/api/queues/{amqp_uri.rpartition('/')[2]}"
    queues = requests.get(address, auth=(rabbitmq.user, rabbitmq.password), timeout=30).json()
    kinds = {queue["name"]: queue["type"] for queue in queues}
    assert {kinds[name] for name in kinds if name.startswith("evt-")} == {kind}
    assert kinds[QUEUE_OF_RETRIER] == kind


def test_another_setting_leaves_the_queues_that_are_there_and_locks_nobody_out(
    amqp_uri: str, run: Run
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.SUBSCRIBERS, "listener", (ASKED,))
        topology.declare(make_config(AMQP_URI=amqp_uri))
        warnings = _warnings(patch)
        Listener.heard.clear()
        run(Listener, make_config(AMQP_URI=amqp_uri, EVENT_QUEUE_TYPE=topology.QUORUM))
        payload, wire = asked("welcome"), Wire(amqp_uri)
        publish(wire, payload)
        eventually(lambda: Listener.heard == [payload["event_id"]])
        wire.close()
    every = {
        topology.event_queue(event, service).name
        for service, known in {**events.SUBSCRIBERS, "listener": (ASKED,)}.items()
        for event in known
    }
    assert set(warnings) == every


def test_a_queue_that_was_declared_otherwise_is_used_as_it_is_and_warned_about(
    vhost_uri: str, wire: Wire, run: Run
) -> None:
    """As an older version left it, or as an operator wants it: neither locks the consumers out."""
    queue = topology.event_queue(ASKED, "listener")
    with Connection(vhost_uri) as connection:
        Queue(queue.name, durable=True, queue_arguments={"x-max-length": 10_000})(
            connection.default_channel
        ).declare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.SUBSCRIBERS, "listener", (ASKED,))
        warnings = _warnings(patch)
        Listener.heard.clear()
        run(Listener, make_config(AMQP_URI=vhost_uri))
        payload = asked("welcome")
        publish(wire, payload)
        eventually(lambda: Listener.heard == [payload["event_id"]])
    assert set(warnings) == {queue.name}


def _warnings(patch: pytest.MonkeyPatch) -> list[str]:
    """The names of the queues that are warned about from now on."""
    found: list[str] = []
    log = SimpleNamespace(warning=lambda name, queue, error: found.append(queue))
    patch.setattr(topology, "log", log)
    return found
