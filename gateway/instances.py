"""How many instances of a service there are: each has one consumer on the queue of its calls."""

from collections.abc import Sequence
from typing import Any

import amqp
import eventlet
from kombu import Connection
from nameko.rpc import RPC_QUEUE_TEMPLATE

from common.broker import connect
from common.logging import get_logger

log = get_logger()
Counts = dict[str, int | None]


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
