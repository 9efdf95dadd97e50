"""The consumer side of a process's connection, made to outlive bad messages and bad networks.

Nameko's own drops what it can't decode (acknowledged, a line in the log), and ends the process when
an acknowledgement meets a dying socket. This one sets the first aside and shrugs off the second: the
broker delivers the message again.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import eventlet
from amqp.exceptions import AMQPError
from kombu.message import Message as Received
from nameko.messaging import QueueConsumer as NamekoQueueConsumer
from nameko.utils import sanitize_url

from common import metrics
from common.logging import get_logger

log = get_logger()
_PAUSE_SECONDS = 1


class QueueConsumer(NamekoQueueConsumer):
    """One connection for all that this process consumes: calls, replies and events."""

    def on_decode_error(self, message: Received, exc: Exception) -> None:
        """Hand a message that can't be decoded to its entrypoint's ``handle_undecodable``."""
        for provider, consumer in self._consumers.items():
            if message.delivery_info.get("consumer_tag") in consumer._active_tags.values():
                self.container.spawn_managed_thread(partial(provider.handle_undecodable, message, exc))
                return
        log.error("message_undecodable", error=str(exc), routing_key=message.delivery_info.get("routing_key"))
        self.ack_message(message)

    def ack_message(self, message: Received) -> None:
        """Acknowledge; on a lost connection the broker keeps the message and delivers it again."""
        self._tell_broker(message, "ack")

    def requeue_message(self, message: Received) -> None:
        """Give the message back to its queue."""
        self._tell_broker(message, "requeue")

    def requeue_later(self, message: Received) -> None:
        """Give it back after a moment, so that what nobody can take on does not come around in a hot loop."""
        eventlet.sleep(_PAUSE_SECONDS)
        self.requeue_message(message)

    def _tell_broker(self, message: Received, verb: str) -> None:
        if not message.channel.connection:
            return
        try:
            getattr(message, verb)()
        except (AMQPError, OSError) as problem:
            log.debug("message_verdict_lost", verb=verb, error=str(problem))

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        """Say that the broker is away, and when the next try is."""
        metrics.BROKER_UP.set(0)
        log.warning(
            "broker_unreachable", broker=sanitize_url(self.amqp_uri), error=str(exc), retry_in=interval
        )

    def on_consume_ready(self, connection: Any, channel: Any, consumers: Any, **kwargs: Any) -> None:
        """Say that the broker is there, at the start and after each reconnect."""
        metrics.BROKER_UP.set(1)
        log.info("broker_up", broker=sanitize_url(self.amqp_uri), consumers=len(self._consumers))
        super().on_consume_ready(connection, channel, consumers, **kwargs)

    def consume(self, limit: int | None, **kwargs: Any) -> Iterator[None]:
        """Consume until the connection is lost, and say so when it is."""
        try:
            yield from super().consume(limit, **kwargs)
        except (*self.connection_errors, *self.channel_errors) as problem:
            metrics.BROKER_UP.set(0)
            log.error("broker_down", broker=sanitize_url(self.amqp_uri), error=str(problem))
            raise
