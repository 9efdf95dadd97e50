"""Who takes the calls to a service: each of its instances has one consumer on the queue of its calls."""

import time
from collections.abc import Sequence
from typing import Any

import amqp
import eventlet
from eventlet.semaphore import Semaphore
from kombu import Connection
from nameko.rpc import RPC_QUEUE_TEMPLATE

from common.broker import connect
from common.logging import get_logger

log = get_logger()
Counts = dict[str, int | None]
LOOK_SECONDS = 0.4
"""How long a caller that got no answer takes to see whether anybody could have given one."""
_KEPT_SECONDS = 0.25
_GOODBYE_SECONDS = 0.2


class CountTimeout(Exception):
    """The broker has not answered in time."""


def count_instances(config: dict[str, Any], services: Sequence[str], seconds: float) -> Counts:
    """Instances by service; None where the broker does not say within ``seconds``."""
    counts: Counts = dict.fromkeys(services)
    broker = connect(config, seconds)
    try:
        with eventlet.Timeout(seconds, CountTimeout("no answer in time")):
            for service in services:
                counts[service] = _consumers(broker, RPC_QUEUE_TEMPLATE.format(service))
    except (CountTimeout, amqp.AMQPError, OSError) as problem:
        log.debug("instances_unknown", error=str(problem))
    finally:
        _hang_up(broker)
    return counts


class Attendance:
    """Whether anybody takes the calls to one service; those who ask at the same time look once."""

    def __init__(self, config: dict[str, Any], service: str) -> None:
        self._config, self._service = config, service
        self._turn = Semaphore(1)
        self._looked_at = float("-inf")
        self._count: int | None = None

    def is_empty(self) -> bool:
        """Whether it is certain that nobody does; False where the broker does not say."""
        with self._turn:
            if time.monotonic() - self._looked_at > _KEPT_SECONDS:
                self._count = count_instances(self._config, [self._service], LOOK_SECONDS)[self._service]
                self._looked_at = time.monotonic()
            return self._count == 0


def _consumers(broker: Connection, queue: str) -> int:
    # A channel of its own, since the broker closes it over a queue that does not exist.
    channel = broker.channel()
    try:
        return int(channel.queue_declare(queue, passive=True).consumer_count)
    except amqp.NotFound:
        return 0


def _hang_up(broker: Connection) -> None:
    # Closing is a conversation too; a broker that is silent does not get to hold it open.
    try:
        with eventlet.Timeout(_GOODBYE_SECONDS, CountTimeout("no goodbye in time")):
            broker.release()
    except (CountTimeout, amqp.AMQPError, OSError):
        broker.collect(socket_timeout=_GOODBYE_SECONDS)
