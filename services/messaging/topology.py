"""The broker's queues as an operator wants to see them, asked over AMQP itself."""

from typing import Any

import eventlet
from amqp.exceptions import AMQPError, ChannelError
from kombu import Connection, Queue
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import topology
from common.errors import Unavailable
from common.logging import get_logger

log = get_logger()
_SECONDS = 3


class BrokerSilent(Exception):
    """The broker has not answered in time."""


class Queues(DependencyProvider):
    """Injects this provider itself: ``queues.list()``."""

    def get_dependency(self, worker_ctx: WorkerContext) -> "Queues":
        """The same for every worker; it keeps no connection."""
        return self

    def list(self) -> list[dict[str, Any]]:
        """Every queue of the topology: ``{name, messages, consumers}``."""
        config = self.container.config
        names = [one.name for one in topology.everything(config) if isinstance(one, Queue)]
        try:
            with (
                eventlet.Timeout(_SECONDS, BrokerSilent("no answer in time")),
                Connection(
                    config["AMQP_URI"], ssl=config.get("AMQP_SSL"), connect_timeout=_SECONDS
                ) as connection,
            ):
                found = [_look(connection, name) for name in sorted(names)]
        except (BrokerSilent, AMQPError, OSError) as problem:
            log.error("queues_unreadable", error=str(problem))
            raise Unavailable("broker_unavailable", "The broker does not answer.") from None
        return [queue for queue in found if queue]


def _look(connection: Connection, name: str) -> dict[str, Any] | None:
    try:
        answer = connection.default_channel.queue_declare(name, passive=True)
    except ChannelError:
        return None  # not there; kombu opens a new channel at the next use
    return {"name": answer.queue, "messages": answer.message_count, "consumers": answer.consumer_count}
