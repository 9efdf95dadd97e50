"""The consumer side of a process's connection, made to outlive bad messages and bad networks.

Nameko's own drops what it can't decode (acknowledged, a line in the log), and ends the process when
an acknowledgement meets a dying socket. This one sets the first aside and shrugs off the second: the
broker delivers the message again.
"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import eventlet
from amqp.exceptions import AMQPError
from eventlet.semaphore import Semaphore
from kombu import Connection, Consumer
from kombu.message import Message as Received
from nameko.extensions import ProviderCollector
from nameko.messaging import QueueConsumer as NamekoQueueConsumer
from nameko.utils import sanitize_url

from common import metrics, reading, topology
from common.broker import read_ahead
from common.logging import get_logger
from common.transport import frames
from common.transport.acks import Acks

log = get_logger()
_PAUSE_SECONDS = 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 2.0
_TICK_SECONDS = 0.5
"""How long a stop takes to be noticed."""
_STUCK_SECONDS = 5.0


class PacedConsumer(Consumer):
    """A consumer that says how many messages it takes at a time when it begins.

    ``basic.qos`` holds for what starts after it on the channel: said any earlier, the last one's number
    would hold for all.
    """

    prefetch = 1

    def consume(self, no_ack: bool | None = None) -> None:
        """Say so, and begin."""
        self.qos(prefetch_count=self.prefetch)
        super().consume(no_ack)


class QueueConsumer(NamekoQueueConsumer):
    """One connection for all that this process consumes: calls, replies and events."""

    connected = False

    def __init__(self) -> None:
        super().__init__()
        self._paused: set[str] = set()
        self._is_settled = False
        self._acks = Acks()
        self._channel: Any = None
        # A full socket takes a frame in parts, and another green thread's must not come in between.
        self._writing = Semaphore(1)
        self._seen_at = 0.0

    @property
    def is_stuck(self) -> bool:
        """Whether it is connected and has not come round to look for messages for a while."""
        return self.connected and time.monotonic() - self._seen_at > _STUCK_SECONDS

    @property
    def has_begun(self) -> bool:
        """Whether this process has ever consumed; it may have lost its connection since."""
        return bool(self._consumers_ready.ready())

    def await_begin(self, seconds: float) -> None:
        """Wait for that, at most so long."""
        with eventlet.Timeout(seconds, False):
            self._consumers_ready.wait()

    def pause(self, queue: str) -> None:
        """Take nothing more from a queue, from the next iteration on; what is taken is still handled."""
        self._paused.add(queue)
        self._is_settled = False

    def resume(self, queue: str) -> None:
        """Take from it again."""
        self._paused.discard(queue)
        self._is_settled = False

    def on_iteration(self) -> None:
        """Begin and end consuming where that was asked for: only this thread may talk on the channel."""
        super().on_iteration()
        self._seen_at = time.monotonic()
        if self._is_settled:
            return  # as a rule: this is done for each message
        self._is_settled = True
        for provider, consumer in self._consumers.items():
            wanted, is_active = provider.queue.name not in self._paused, bool(consumer._active_tags)
            if wanted and not is_active:
                consumer.consume()
            elif is_active and not wanted:
                consumer.cancel()

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        """A consumer for each entrypoint; one with a ``share`` has that part of the worker pool at most.

        What an entrypoint with a ``take_undecoded`` is handed is not decoded yet, and must not be waited for.
        """
        self._acks, self._channel, self._is_settled = Acks(), channel, False
        for provider in self._providers:
            # The broker may have lost its queues since the start.
            topology.declare_one(channel.connection.client, provider.queue)
            consumer = PacedConsumer(
                channel, [provider.queue], callbacks=[partial(self.handle_message, provider)],
                accept=self.accept, on_decode_error=self.on_decode_error, auto_declare=False,
                on_message=getattr(provider, "take_undecoded", None),
            )  # fmt: skip
            at_once = getattr(provider, "prefetch", 0)
            consumer.prefetch = at_once or max(1, int(self.prefetch_count * getattr(provider, "share", 1)))
            self._consumers[provider] = consumer
        return self._consumers.values()

    def establish_connection(self) -> Any:
        """Connect, however long it takes, with pauses that stay short: the broker may be back any moment.

        A provider that wants to see the broker as it was left has ``before_consuming(connection)``.
        """
        connection = self.create_connection()
        connection.ensure_connection(
            self.on_connection_error,
            interval_start=_FIRST_PAUSE,
            interval_step=_FIRST_PAUSE,
            interval_max=_LONGEST_PAUSE,
        )
        read_ahead(connection)
        for provider in self._providers:
            if hasattr(provider, "before_consuming"):
                provider.before_consuming(connection)
        return connection

    def unregister_provider(self, provider: Any) -> None:
        """Stop consuming for one entrypoint; without a connection there is nothing to wait for."""
        if self.connected:
            super().unregister_provider(provider)
        else:
            ProviderCollector.unregister_provider(self, provider)

    def stop(self) -> None:
        """End when the last entrypoint has; a loop that still looks for the broker is not waited for."""
        if self.connected:
            super().stop()
            return
        self.wait_for_providers()
        if self._gt is not None:
            self._gt.kill()

    def on_decode_error(self, message: Received, exc: Exception) -> None:
        """Hand a message that can't be decoded to its entrypoint's ``handle_undecodable``."""
        for provider, consumer in self._consumers.items():
            if message.delivery_info.get("consumer_tag") in consumer._active_tags.values():
                self.container.spawn_managed_thread(partial(provider.handle_undecodable, message, exc))
                return
        log.error("message_undecodable", error=str(exc), routing_key=message.delivery_info.get("routing_key"))
        self.ack_message(message)

    def ack_message(self, *messages: Received) -> None:
        """Acknowledge; on a lost connection the broker keeps the messages and delivers them again.

        The broker is told in a moment, so that what is done at the same time is acknowledged by one frame.
        """
        for message in messages:
            if self._is_open(message):
                message._state = "ACK"
                if not self._acks.waiting:
                    eventlet.spawn_n(self._tell_acks)
                self._acks.add(message.delivery_tag)

    def _tell_acks(self) -> None:
        if self._acks.waiting:
            number = self._channel.channel_id
            self._tell_broker(b"".join(frames.ack(number, *one) for one in self._acks.take()))

    def requeue_message(self, message: Received) -> None:
        """Give the message back to its queue."""
        if self._is_open(message):
            message._state = "REQUEUED"
            self._acks.told(message.delivery_tag)
            self._tell_broker(frames.requeue(message.channel.channel_id, message.delivery_tag))

    def requeue_later(self, message: Received) -> None:
        """Give it back after a moment, so that what nobody can take on does not come around in a hot loop."""
        eventlet.sleep(_PAUSE_SECONDS)
        self.requeue_message(message)

    def _is_open(self, message: Received) -> bool:
        """Whether the broker still waits to hear of it, and over this connection."""
        is_here = message.channel is self._channel and bool(message.channel.connection)
        return is_here and not message.acknowledged

    def _tell_broker(self, data: bytes) -> None:
        try:
            with self._writing:
                self._channel.connection.transport.write(data)
        except (AMQPError, OSError) as problem:
            log.debug("message_verdict_lost", error=str(problem))

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        """Say that the broker is away, and when the next try is."""
        self._set_connected(False)
        log.warning(
            "broker_unreachable", broker=sanitize_url(self.amqp_uri), error=str(exc), retry_in=interval
        )

    def on_consume_ready(self, connection: Any, channel: Any, consumers: Any, **kwargs: Any) -> None:
        """Say that the broker is there, at the start and after each reconnect."""
        self._set_connected(True)
        log.info("broker_up", broker=sanitize_url(self.amqp_uri), consumers=len(self._consumers))
        super().on_consume_ready(connection, channel, consumers, **kwargs)

    def consume(self, limit: int | None, **kwargs: Any) -> Iterator[None]:
        """Consume until the connection is lost, and say so when it is."""
        try:
            with self.consumer_context(**kwargs) as (connection, _, _):
                yield from self._read_on(connection)
        except (*self.connection_errors, *self.channel_errors) as problem:
            self._set_connected(False)
            log.error("broker_down", broker=sanitize_url(self.amqp_uri), error=str(problem))
            raise

    def _read_on(self, connection: Connection) -> Iterator[None]:
        """As kombu does, but that where nothing comes it costs less to find that out."""
        while not self.should_stop:
            self.on_iteration()
            try:
                reading.await_something(connection, _TICK_SECONDS)
                connection.drain_events(timeout=_TICK_SECONDS)
                reading.take_more(connection.connection, self._channel)
                yield
            except TimeoutError:
                connection.heartbeat_check()
            except OSError:
                if not self.should_stop:
                    raise

    def _set_connected(self, connected: bool) -> None:
        self.connected = connected
        metrics.BROKER_UP.set(int(connected))
