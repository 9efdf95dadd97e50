"""More instances of a side's services, for as long as they are measured."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import amqp

from bench import ports
from bench.engines import Engines
from bench.sides import READY_SECONDS, Side
from ops.runner.instances import Instance

CALLS_OF_TODOS = "rpc-todos"


@contextmanager
def instances(side: Side, engines: Engines, gateways: int, todos: int) -> Iterator[None]:
    """So many processes of both, connected; those that were added are gone afterwards."""
    more = [Instance("gateway", number) for number in range(2, gateways + 1)]
    more += [Instance("todos", number) for number in range(2, todos + 1)]
    try:
        for one in more:
            settings = [f"{name}={value}" for name, value in one.environment.items()]
            side.commands[one.name] = ["env", *settings, *side.commands[one.service]]
            side.start_one(one.name)
        _wait(side, engines, gateways, todos)
        yield
    finally:
        for one in more:
            side.stop_one(one.name)
            del side.commands[one.name]


def _wait(side: Side, engines: Engines, gateways: int, todos: int) -> None:
    end = time.monotonic() + READY_SECONDS
    while (ports.listeners(side.port), consumers(engines)) != (gateways, todos):
        if time.monotonic() > end:
            raise RuntimeError(f"{gateways} gateways and {todos} todos are not ready\n{side.log_tails()}")
        time.sleep(0.2)


def consumers(engines: Engines) -> int:
    """How many processes take calls of todos."""
    server = engines.rabbitmq
    login = {"userid": server.user, "password": server.password, "virtual_host": "suite"}
    with closing(amqp.Connection(f"127.0.0.1:{server.port}", **login)) as broker:
        broker.connect()
        return int(broker.channel().queue_declare(CALLS_OF_TODOS, passive=True).consumer_count)
