"""The queues that bring replies: each caller's own, found by all who answer, and gone with their caller."""

import json
from typing import Any

import eventlet
import pytest
import requests

from common import topology
from common.errors import SuiteError, Unavailable
from common.identity import Allow
from common.rpc import Service, rpc
from common.transport.link import Link
from common.transport.serving import DIRECT, SMALL_BYTES
from ops.engines import RabbitMQ
from tests.integration.common.calls import Mailbox, Target
from tests.integration.conftest import Run
from tests.integration.running import Running, Wire, eventually, make_config

pytestmark = pytest.mark.usefixtures("nothing_ends_a_process")


class Caller:
    """Calls the others."""

    name = "caller"
    target: Any = Service("target", deadline=5)
    leaving: Any = Service("leaving", deadline=5)


class Leaving:
    """Answers at length, and is stopped meanwhile."""

    name = "leaving"

    @rpc(allow=Allow.PUBLIC)
    def answer(self, size: int) -> str:
        eventlet.sleep(0.005)
        return "x" * size


@pytest.fixture
def fast(target: Running, vhost_uri: str, run: Run) -> Running:
    return run(Caller, make_config(AMQP_URI=vhost_uri, RPC_TRANSPORT="fast"))


def test_two_instances_of_a_caller_get_their_own_replies(
    target: Running, config: dict[str, Any], run: Run
) -> None:
    clients = [run(Caller, config).inject("target") for _ in range(2)]
    asked = [(client, f"{number}") for number in range(100) for client in clients]
    answers = eventlet.GreenPool(40).imap(lambda one: one[0].echo(value=one[1]), asked)
    assert list(answers) == [value for _, value in asked]


def test_the_queue_is_its_connection_s_alone_and_no_setting_makes_another_kind_of_it(
    fast: Running, vhost_uri: str, rabbitmq: RabbitMQ
) -> None:
    assert fast.inject("target").echo(value=1) == 1
    queue = _only_queue(rabbitmq, vhost_uri)
    assert queue["auto_delete"] and not queue["durable"]
    assert queue["arguments"] == {"x-queue-type": "classic"}


def test_the_queue_of_a_caller_that_dies_goes_and_its_reply_is_lost_and_nothing_else(
    fast: Running, target: Running, vhost_uri: str, rabbitmq: RabbitMQ, wire: Wire
) -> None:
    asking = eventlet.spawn(_outcome, fast.inject("target"))
    eventually(lambda: "orphaned" in Target.executed)
    fast.container.shared_extensions[Link].kill()
    assert isinstance(asking.wait(), SuiteError)
    eventually(lambda: _queues(rabbitmq, vhost_uri) == [])
    eventually(lambda: target.container._worker_pool.running() == 0)
    assert wire.count("rpc-target") == wire.count(topology.DEAD_LETTERS) == 0


def test_a_reply_for_which_there_is_no_room_is_replaced_by_an_error(
    fast: Running, vhost_uri: str, run: Run
) -> None:
    answering = run(Leaving, make_config(AMQP_URI=vhost_uri, RPC_TRANSPORT="fast"))
    client, link = fast.inject("leaving"), answering.container.shared_extensions[Link]
    eventually(lambda: link.is_open)
    assert client.answer(size=1) == "x"
    link._wire.is_full = True
    with pytest.raises(Unavailable, match="The answer was lost"):
        client.answer(size=SMALL_BYTES)
    assert client.answer(size=SMALL_BYTES // 2) == "x" * (SMALL_BYTES // 2)


@pytest.mark.parametrize("size", [1, 200_000])
def test_a_stop_under_load_answers_what_was_taken_and_leaves_the_rest_as_new(
    vhost_uri: str, run: Run, wire: Wire, mailbox: Mailbox, size: int
) -> None:
    leaving, calls = run(Leaving, make_config(AMQP_URI=vhost_uri, RPC_TRANSPORT="fast")), 200
    for number in range(calls):
        properties = {"reply_to": mailbox.name, "correlation_id": str(number)}
        wire.send({"args": [size], "kwargs": {}}, "leaving.answer", "nameko-rpc", **properties)
    eventually(lambda: wire.count(mailbox.name))
    leaving.container.stop()
    answered: list[Any] = []
    left: list[Any] = []

    def is_all_there() -> bool:
        answered.extend(_taken(wire, mailbox.name))
        left.extend(_taken(wire, "rpc-leaving"))
        return len(answered) + len(left) >= calls

    eventually(is_all_there)
    assert not any(message.delivery_info["redelivered"] for message in left)
    numbers = [message.properties["correlation_id"] for message in (*answered, *left)]
    assert sorted(numbers, key=int) == [str(number) for number in range(calls)]
    assert all(json.loads(message.body)["result"] == "x" * size for message in answered)


def test_a_new_connection_has_a_new_queue_since_the_last_may_still_be_locked(
    fast: Running, vhost_uri: str, rabbitmq: RabbitMQ
) -> None:
    client, link = fast.inject("target"), fast.container.shared_extensions[Link]
    assert client.echo(value=1) == 1
    before = _only_queue(rabbitmq, vhost_uri)["name"]
    link._wire.cut()
    eventually(lambda: not link.is_open)
    eventually(lambda: link.is_open)
    assert client.echo(value=2) == 2
    assert _only_queue(rabbitmq, vhost_uri)["name"] != before


def test_a_queue_that_an_operator_deletes_is_made_anew(
    fast: Running, vhost_uri: str, rabbitmq: RabbitMQ
) -> None:
    client, link = fast.inject("target"), fast.container.shared_extensions[Link]
    asking = eventlet.spawn(_outcome, client)
    eventually(lambda: "orphaned" in Target.executed)
    queue = _only_queue(rabbitmq, vhost_uri)
    _delete(rabbitmq, vhost_uri, queue["name"])
    assert isinstance(asking.wait(), SuiteError)
    eventually(lambda: link.is_open)
    assert client.echo(value=2) == 2


def test_who_asks_by_direct_reply_to_is_answered_there(target: Running, wire: Wire) -> None:
    answers: list[Any] = []
    wire.channel.basic_consume(DIRECT, no_ack=True, callback=answers.append)
    asked = {"reply_to": DIRECT, "correlation_id": "c-1"}
    wire.send({"args": [], "kwargs": {"value": "direct"}}, "target.echo", "nameko-rpc", **asked)
    with eventlet.Timeout(10):
        wire.connection.drain_events()
    assert answers[0].properties["correlation_id"] == "c-1"
    assert b'"direct"' in bytes(answers[0].body, "utf-8")


def _outcome(client: Any) -> Any:
    try:
        return client.sleep(seconds=0.5, mark="orphaned")
    except SuiteError as error:
        return error


def _only_queue(rabbitmq: RabbitMQ, uri: str) -> dict[str, Any]:
    """The one that is left when those of earlier tests are gone."""
    found: list[dict[str, Any]] = eventually(lambda: len(all_ := _queues(rabbitmq, uri)) == 1 and all_)
    return found[0]


def _queues(rabbitmq: RabbitMQ, uri: str) -> list[dict[str, Any]]:
    """The queues of replies to fast callers."""
    address = f"{rabbitmq.management_url}/api/queues/{uri.rpartition('/')[2]}"
    found = requests.get(address, auth=(rabbitmq.user, rabbitmq.password), timeout=30).json()
    return [one for one in found if one["name"].startswith("rpc.reply-caller-") and one["exclusive"]]


def _delete(rabbitmq: RabbitMQ, uri: str, name: str) -> None:
    """As the broker's own commands do it."""
    resource = f'rabbit_misc:r(<<"{uri.rpartition("/")[2]}">>, queue, <<"{name}">>)'
    found = f"{{ok, Queue}} = rabbit_amqqueue:lookup({resource})"
    rabbitmq.evaluate(f'{found}, rabbit_amqqueue:delete(Queue, false, false, <<"tests">>)')


def _taken(wire: Wire, queue: str) -> list[Any]:
    return list(iter(lambda: wire.channel.basic_get(queue, no_ack=True), None))
