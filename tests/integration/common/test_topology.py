"""Queues that overtake, and queues that somebody has declared in another way."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection, Queue

from common import events, topology
from common.delivery import handles
from common.outbox import Entry, to_message
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
        warnings: list[str] = []
        patch.setattr(
            topology, "log", SimpleNamespace(warning=lambda name, queue, error: warnings.append(queue))
        )
        run(Listener, make_config(AMQP_URI=vhost_uri))
        payload = asked("welcome")
        publish(wire, payload)
        eventually(lambda: Listener.heard == [payload["event_id"]])
    assert set(warnings) == {queue.name}
