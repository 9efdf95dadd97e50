"""Making calls over the link: requests out, replies in, each handed to the green thread that waits for it."""

import itertools
import uuid
from collections.abc import Mapping
from typing import Any

from eventlet.event import Event
from kombu import Exchange, Queue
from nameko.rpc import RPC_REPLY_QUEUE_TTL

from common.transport import frames
from common.transport.frames import Delivery
from common.transport.serving import DIRECT
from common.transport.wire import LinkLost, Wire

CHANNEL = 1
_REPLIES, _QUEUED_REPLIES = "replies", "queued-replies"


class Undeliverable(Exception):
    """No queue takes calls to that service."""


class Calling:
    """The side of the link that makes calls.

    A reply comes by RabbitMQ's direct reply-to. A stock Nameko service answers by way of the exchange of
    calls instead, so for those there is a queue (``with_queue``), named and bound as Nameko's own.
    """

    def __init__(self, exchange: Exchange, service: str) -> None:
        self.exchange = exchange
        self.with_queue = False
        self.awaited: dict[str, Event] = {}
        self._own_key = str(uuid.uuid4())
        self._numbers = itertools.count(1)
        self._queue = Queue(
            f"rpc.reply-{service}-{self._own_key}", exchange, routing_key=self._own_key,
            queue_arguments={"x-expires": RPC_REPLY_QUEUE_TTL},
        )  # fmt: skip
        self._wire: Wire | None = None

    def declare(self, connection: Any) -> None:
        """Make sure that the exchange is there, and open the channel."""
        channel = connection.channel(CHANNEL)
        self.exchange(channel).declare()
        if self.with_queue:
            self._queue(channel).declare()

    def consume(self, connection: Any) -> None:
        """Ask for replies; nothing may be read by py-amqp after this."""
        channel = connection.channels[CHANNEL]
        channel.basic_consume(DIRECT, consumer_tag=_REPLIES, no_ack=True, nowait=True)
        if self.with_queue:
            channel.basic_consume(self._queue.name, consumer_tag=_QUEUED_REPLIES, no_ack=True, nowait=True)

    def opened(self, wire: Wire) -> None:
        """There is a new connection."""
        self._wire = wire

    def lost(self) -> None:
        """There is none: replies to what was asked over it do not come any more."""
        self._wire = None
        awaited, self.awaited = self.awaited, {}
        for event in awaited.values():
            event.send_exception(LinkLost("the connection was lost before the answer came"))

    def call(
        self, routing_key: str, body: bytes, headers: Mapping[str, Any], seconds: float, queued: bool = False
    ) -> Delivery:
        """Send a call and wait for its reply, for as long as the caller lets it.

        The request expires in its queue after ``seconds``. Raises LinkLost, LinkFull, or Undeliverable if no
        queue takes it.
        """
        if self._wire is None:
            raise LinkLost("there is no connection to the broker")
        correlation_id = f"{self._own_key}-{next(self._numbers)}"
        properties = frames.request_properties(
            headers, correlation_id, self._own_key if queued else DIRECT, str(max(1, round(seconds * 1000)))
        )
        address = (self.exchange.name, routing_key)
        data = frames.publish(CHANNEL, address, properties, body, self._wire.frame_max, mandatory=True)
        event = self.awaited[correlation_id] = Event()
        try:
            self._wire.send(data)
            reply: Delivery = event.wait()
            return reply
        finally:
            self.awaited.pop(correlation_id, None)

    def deliver(self, message: Delivery) -> None:
        """Wake who waits for this reply; one that nobody waits for any more is dropped."""
        event = self.awaited.pop(message.properties.get("correlation_id", ""), None)
        if event is not None:
            event.send(message)

    def returned(self, message: Delivery) -> None:
        """The broker gives a request back: no queue takes it."""
        event = self.awaited.pop(message.properties.get("correlation_id", ""), None)
        if event is not None:
            event.send_exception(Undeliverable("no queue takes it"))
