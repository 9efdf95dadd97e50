"""Both ways to call understand each other, and Nameko's own classes understand both."""

from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from nameko.containers import ServiceContainer
from nameko.rpc import RpcProxy
from nameko.rpc import rpc as stock_rpc

from common import topology
from common.errors import Unavailable
from common.rpc import Service
from common.transport.link import Link
from ops.engines import RabbitMQ
from tests.integration.common.calls import Mailbox, Target
from tests.integration.conftest import Run
from tests.integration.running import Running, Wire, eventually, make_config


class Stock:
    """A service on Nameko's own classes that calls and is called."""

    name = "stock"
    target = RpcProxy("target")

    @stock_rpc
    def double(self, value: Any) -> Any:
        return [value, value]

    @stock_rpc
    def ask(self, value: Any) -> Any:
        return self.target.echo(value=value)


class Caller:
    """Calls both kinds."""

    name = "caller"
    target: Any = Service("target", deadline=5)
    stock: Any = Service("stock", deadline=5, is_stock=True)


@pytest.fixture(params=["fast", "stock"])
def caller(target: Running, vhost_uri: str, run: Run, request: pytest.FixtureRequest) -> Running:
    return run(Caller, make_config(AMQP_URI=vhost_uri, RPC_TRANSPORT=request.param))


@pytest.fixture
def stock(target: Running, config: dict[str, Any]) -> Iterator[None]:
    container = ServiceContainer(Stock, {"AMQP_URI": config["AMQP_URI"], "serializer": "json"})
    container.start()
    yield
    container.stop()


def test_each_transport_calls_the_other(caller: Running) -> None:
    assert caller.inject("target").echo(value="across") == "across"


def test_a_stock_service_can_be_called_and_can_call(caller: Running, stock: None) -> None:
    assert caller.inject("stock").double(value="ü") == ["ü", "ü"]
    assert caller.inject("stock").ask(value={"a": 1}) == {"a": 1}


def test_a_lost_link_is_found_again_and_what_was_under_way_is_told_so(caller: Running) -> None:
    if caller.container.config["RPC_TRANSPORT"] == "stock":
        return  # its own ways are tested with a broker that restarts
    client, link = caller.inject("target"), caller.container.shared_extensions[Link]
    assert client.echo(value=1) == 1
    waiting = eventlet.spawn(_outcome, client)
    eventually(lambda: "lost" in Target.executed)
    link._wire.cut()
    assert isinstance(waiting.wait(), Unavailable)
    eventually(lambda: link.is_open)
    assert client.echo(value=2) == 2


def test_a_call_that_may_be_repeated_survives_a_lost_link(caller: Running) -> None:
    client, link = caller.inject("target"), caller.container.shared_extensions[Link]
    client.worker_ctx.entrypoint.idempotent = True
    Target.executed.clear()
    waiting = eventlet.spawn(lambda: client.sleep(seconds=0.3, mark="once more"))
    eventually(lambda: "once more" in Target.executed)
    if link.is_used:
        link._wire.cut()
    assert waiting.wait() == "once more"


def test_a_call_whose_service_lost_its_link_is_given_to_it_again_and_not_run_twice(
    target: Running, mailbox: Mailbox, wire: Wire
) -> None:
    if target.container.config["RPC_TRANSPORT"] == "stock":
        return
    link = target.container.shared_extensions[Link]
    Target.executed.clear()
    asking = eventlet.spawn(mailbox.ask, {"args": [], "kwargs": {"seconds": 0.5, "mark": "again"}}, "sleep")
    eventually(lambda: "again" in Target.executed)
    link._wire.cut()
    assert asking.wait()["error"]["exc_type"] == "Unavailable"
    eventlet.sleep(0.6)
    assert Target.executed == ["again"]
    eventually(lambda: wire.count("rpc-target") == 0)


def test_calls_under_load_are_acknowledged_and_none_is_left(
    caller: Running, wire: Wire, rabbitmq: RabbitMQ
) -> None:
    client = caller.inject("target")
    pool = eventlet.GreenPool(60)
    values = ["x" * size for size in (1, 100, 10_000, 200_000)] * 50
    assert list(pool.imap(lambda value: client.echo(value=value), values)) == values
    eventually(lambda: _unacknowledged(rabbitmq, wire) == 0)
    assert wire.count("rpc-target") == wire.count(topology.DEAD_LETTERS) == 0


def _unacknowledged(rabbitmq: RabbitMQ, wire: Wire) -> int:
    name = f'<<"{wire.connection.virtual_host}">>, queue, <<"rpc-target">>'
    queue = f"{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r({name}))"
    info = "[{_, Count}] = rabbit_amqqueue:info(Queue, [messages_unacknowledged])"
    return int(rabbitmq.evaluate(f"{queue}, {info}, Count"))


def _outcome(client: Any) -> Any:
    try:
        return client.sleep(seconds=3, mark="lost")
    except Unavailable as error:
        return error
