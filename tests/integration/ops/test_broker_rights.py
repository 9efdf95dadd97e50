"""Broker users with the rights of ops/rights.py: enough for their service, nothing of another's."""

from typing import Any

import amqp
import pytest
from kombu import Connection, Exchange, Queue

from common import topology
from common.identity import Allow
from common.rpc import Service, rpc
from ops.engines import RabbitMQ
from tests.integration.conftest import Run
from tests.integration.ops.broker_users import add_user
from tests.integration.running import Wire, make_config
from tests.integration.second_attempts import SecondAttempts


class Todos(SecondAttempts):
    """Answers a call, and hears of an event."""

    name = "todos"

    @rpc(allow=Allow.PUBLIC)
    def echo(self, value: Any) -> Any:
        return value


class Gateway:
    """Calls."""

    name = "gateway"
    todos: Any = Service("todos", deadline=5)


@pytest.fixture
def uris(amqp_uri: str, rabbitmq: RabbitMQ) -> dict[str, str]:
    """The addresses of two services' users; the rest of the topology is there."""
    topology.declare(make_config(AMQP_URI=amqp_uri))
    return {user: add_user(rabbitmq, amqp_uri, user) for user in ("todos", "gateway")}


@pytest.mark.parametrize("transport", ["fast", "stock"])
def test_a_service_works_with_its_own_rights_and_reads_nothing_of_another_s(
    uris: dict[str, str], amqp_uri: str, run: Run, transport: str
) -> None:
    run(Todos, make_config(AMQP_URI=uris["todos"], RPC_TRANSPORT=transport))
    gateway = run(Gateway, make_config(AMQP_URI=uris["gateway"], RPC_TRANSPORT=transport))
    assert gateway.inject("todos").echo(value=[1, "ü"]) == [1, "ü"]
    wire = Wire(amqp_uri)
    Todos.hears(wire)
    wire.close()
    if transport == "fast":
        _can_not_touch_the_users_queues(uris["todos"])


def test_the_first_to_start_makes_its_own_and_says_what_is_not_there_yet(
    amqp_uri: str, rabbitmq: RabbitMQ
) -> None:
    own = add_user(rabbitmq, amqp_uri, "todos")
    with pytest.raises(topology.NotMadeYet) as missing:
        topology.declare(make_config(AMQP_URI=own))
    names = str(missing.value).split(", ")
    assert {"rpc-users", topology.DEAD_LETTERS, "messaging.events"} <= set(names)
    assert "rpc-todos" not in names
    with Connection(amqp_uri) as connection:
        assert connection.default_channel.queue_declare("rpc-todos", passive=True).consumer_count == 0


def _can_not_touch_the_users_queues(uri: str) -> None:
    calls = Exchange("nameko-rpc", type="topic", durable=True)
    forbidden = (
        lambda channel: channel.basic_get("rpc-users"),
        lambda channel: channel.basic_consume("rpc-users"),
        lambda channel: channel.queue_delete("rpc-users"),
        lambda channel: channel.queue_purge("rpc-users"),
        lambda channel: channel.basic_get(topology.DEAD_LETTERS),
        lambda channel: Queue("rpc-todos", calls, "users.*", durable=True)(channel).queue_bind(),
        lambda channel: channel.queue_bind("rpc-todos", "users.events", "password_reset_requested"),
    )
    with Connection(uri) as connection:
        for attempt in forbidden:
            with pytest.raises(amqp.AccessRefused), connection.channel() as channel:
                attempt(channel)
