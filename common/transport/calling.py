"""Making calls over the link: requests out, replies in, each handed to the green thread that waits for it."""

import itertools
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from eventlet.event import Event
from eventlet.hubs import get_hub
from kombu import Exchange, Queue
from nameko.rpc import RPC_REPLY_QUEUE_TEMPLATE

from common.transport import frames
from common.transport.frames import Delivery
from common.transport.wire import LinkFull, LinkLost, Wire

CHANNEL = 1
_SWEEP_SECONDS = 0.025
_REPLIES = "replies"
_CLASSIC = {"x-queue-type": "classic"}


class Question(NamedTuple):
    """A call as it is to be sent: whom, what, with which headers and body, and for how long it counts."""

    service: str
    method: str
    headers: Mapping[str, Any]
    body: bytes
    seconds: float


class Waiting(NamedTuple):
    """Who waits for a reply, until when (``time.monotonic``), and what it is told then."""

    event: Event
    until: float
    late: Callable[[], Exception]


class Undeliverable(Exception):
    """No queue takes calls to that service."""


class Calling:
    """The side of the link that makes calls.

    Replies come by a queue that is this connection's alone: RabbitMQ keeps it at the connection's node,
    whatever the policies say, hands on at once what comes, and drops it with the connection. Its name is the
    address of the replies. Who answers by Nameko's own classes takes that for a key of the exchange of calls,
    so the queue is bound by it too.
    """

    def __init__(self, exchange: Exchange, service: str) -> None:
        self.exchange = exchange
        self.awaited: dict[str, Waiting] = {}
        self._service = service
        self._sweeping = False
        self._numbers = itertools.count(1)
        self._own_key = self._address = ""
        self._wire: Wire | None = None

    def declare(self, connection: Any) -> None:
        """Open the channel, and make the queue of replies.

        It gets another name each time: the broker keeps the last one locked for as long as it has not noticed
        that its connection is gone.
        """
        self._own_key = str(uuid.uuid4())
        self._address = RPC_REPLY_QUEUE_TEMPLATE.format(self._service, self._own_key)
        queue = Queue(
            self._address, self.exchange, self._address,
            durable=False, exclusive=True, queue_arguments=_CLASSIC,
        )  # fmt: skip
        queue(connection.channel(CHANNEL)).declare()

    def consume(self, connection: Any) -> None:
        """Ask for replies; nothing may be read by py-amqp after this."""
        channel = connection.channels[CHANNEL]
        channel.basic_consume(self._address, consumer_tag=_REPLIES, no_ack=True, nowait=True)

    def opened(self, wire: Wire) -> None:
        """There is a new connection."""
        self._wire = wire

    def lost(self) -> None:
        """There is none: replies to what was asked over it do not come any more."""
        self._wire = None
        awaited, self.awaited = self.awaited, {}
        for waiting in awaited.values():
            waiting.event.send_exception(LinkLost("the connection was lost before the answer came"))

    def call(self, question: Question, late: Callable[[], Exception]) -> Delivery:
        """Send a call and wait for its reply; what ``late`` gives is raised when its time is over.

        The request expires in its queue then, too. Raises LinkLost, LinkFull, or Undeliverable if no queue
        takes it.
        """
        if self._wire is None:
            raise LinkLost("there is no connection to the broker")
        if self._wire.is_full:
            raise LinkFull("the broker takes nothing")
        correlation_id = f"{self._own_key}-{next(self._numbers)}"
        data = self._written(question, correlation_id, self._wire.frame_max)
        waiting = Waiting(Event(), time.monotonic() + question.seconds, late)
        self.awaited[correlation_id] = waiting
        try:
            # With others under way it may wait for company; alone it would wait for nothing.
            (self._wire.gather if len(self.awaited) > 1 else self._wire.send)(data)
            if not self._sweeping:
                self._sweep()
            reply: Delivery = waiting.event.wait()
            return reply
        finally:
            self.awaited.pop(correlation_id, None)

    def deliver(self, message: Delivery) -> None:
        """Wake who waits for this reply; one that nobody waits for any more is dropped."""
        waiting = self.awaited.pop(message.properties.get("correlation_id", ""), None)
        if waiting is not None:
            waiting.event.send(message)

    def returned(self, message: Delivery) -> None:
        """The broker gives a request back: no queue takes it."""
        waiting = self.awaited.pop(message.properties.get("correlation_id", ""), None)
        if waiting is not None:
            waiting.event.send_exception(Undeliverable("no queue takes it"))

    def _written(self, question: Question, correlation_id: str, frame_max: int) -> bytes:
        expiration = str(max(1, round(question.seconds * 1000)))
        properties = frames.request_properties(question.headers, correlation_id, self._address, expiration)
        address = (self.exchange.name, f"{question.service}.{question.method}")
        return frames.publish(CHANNEL, address, properties, question.body, frame_max, mandatory=True)

    def _sweep(self) -> None:
        # One look at all of them every so often costs less than a timer for each.
        now = time.monotonic()
        for correlation_id, waiting in list(self.awaited.items()):
            if waiting.until <= now:
                del self.awaited[correlation_id]
                waiting.event.send_exception(waiting.late())
        self._sweeping = bool(self.awaited)
        if self._sweeping:
            get_hub().schedule_call_global(_SWEEP_SECONDS, self._sweep)
