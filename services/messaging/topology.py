"""The broker's queues as an operator wants to see them.

Depth and consumers are asked over AMQP itself; the rates are the management plugin's, and missing where
that does not answer.
"""

import time
from typing import Any

import eventlet
from amqp.exceptions import AMQPError, NotFound
from eventlet.semaphore import Semaphore
from kombu import Connection, Queue
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import metrics, topology
from common.broker import connect
from common.errors import Unavailable
from common.health import Probe
from common.logging import get_logger
from services.messaging.management import Management

log = get_logger()
_SECONDS = 3
Depth = dict[str, Any]
Depths = list[Depth]


class BrokerSilent(Exception):
    """The broker has not answered in time."""


class Queues(DependencyProvider):
    """Injects this provider itself: ``queues.show()``."""

    def setup(self) -> None:
        """Connect at the first use, and stay connected: the broker logs three lines for each connection."""
        self._turn = Semaphore(1)
        self._connection: Connection | None = None
        self._management = Management(self.container.config)
        found = topology.everything(self.container.config)
        self._waiting_since: dict[str, float] = {}
        self._names = sorted(one.name for one in found if isinstance(one, Queue))

    def get_dependency(self, worker_ctx: WorkerContext) -> "Queues":
        """The same for every worker."""
        return self

    def stop(self) -> None:
        """Hang up."""
        self._hang_up()

    def probes(self) -> tuple[Probe, ...]:
        """How many messages wait in all queues; the number alone is no reason to worry."""
        return (Probe("queues", self._report, critical=False),)

    def show(self) -> Depths:
        """Every queue of the topology: ``{name, messages, consumers, rates}``.

        ``rates`` are messages a second, ``{publish, deliver, ack}``, or None where nobody knows.
        """
        rates = self._management.rates()
        return [{**queue, "rates": rates.get(queue["name"])} for queue in self._depths()]

    def _report(self) -> str:
        found, now = self._depths(), time.monotonic()
        for queue in found:
            metrics.QUEUE_WAITING_SECONDS.labels(queue["name"]).set(self._waiting(queue, now))
            metrics.QUEUE_MESSAGES.labels(queue["name"]).set(queue["messages"])
            metrics.QUEUE_CONSUMERS.labels(queue["name"]).set(queue["consumers"])
        return f"{sum(queue['messages'] for queue in found)} messages wait"

    def _waiting(self, queue: Depth, now: float) -> float:
        # The broker knows the age of a message only as long as it holds it in memory.
        if not queue["messages"]:
            self._waiting_since.pop(queue["name"], None)
            return 0.0
        return now - self._waiting_since.setdefault(queue["name"], now)

    def _depths(self) -> Depths:
        try:
            with eventlet.Timeout(_SECONDS, BrokerSilent("no answer in time")), self._turn:
                return self._look_again()
        except (BrokerSilent, AMQPError, OSError) as problem:
            self._hang_up()
            log.error("queues_unreadable", error=str(problem))
            raise Unavailable("broker_unavailable", "The broker does not answer.") from None

    def _look_again(self) -> Depths:
        try:
            return self._look()
        except (AMQPError, OSError):
            # The connection may have been lost since the last time.
            self._hang_up()
            return self._look()

    def _look(self) -> Depths:
        if self._connection is None:
            self._connection = connect(self.container.config, _SECONDS)
        found = [_look_at(self._connection, name) for name in self._names]
        return [queue for queue in found if queue]

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect(socket_timeout=0.2)


def _look_at(connection: Connection, name: str) -> Depth | None:
    try:
        answer = connection.default_channel.queue_declare(name, passive=True)
    except NotFound:
        return None  # the broker has closed the channel; kombu opens a new one at the next use
    return {"name": answer.queue, "messages": answer.message_count, "consumers": answer.consumer_count}
