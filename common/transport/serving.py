"""Taking calls over the link: deliveries in, replies and acknowledgements out.

A request is acknowledged when its reply is written, so one whose process dies is delivered to another
instance. Many are acknowledged by one frame a few milliseconds later; what was answered and not yet
acknowledged when a process dies is delivered again too, and its second answer finds nobody waiting.
"""

from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.hubs import get_hub
from kombu import Queue
from nameko.rpc import RPC_REPLY_QUEUE_TEMPLATE

from common.transport import frames
from common.transport.acks import Acks
from common.transport.frames import Delivery
from common.transport.wire import LinkFull, LinkLost, Wire

CHANNEL = 2
DIRECT = "amq.rabbitmq.reply-to"
"""RabbitMQ's pseudo-queue for replies, by which others may ask."""
_NAMES_OF_QUEUES = (DIRECT, RPC_REPLY_QUEUE_TEMPLATE.partition("{")[0])
SMALL_BYTES = 4096
"""A reply of that length is always kept: no more of them can come than the window is wide."""
_ACK_SECONDS = 0.02
_CANCEL_SECONDS = 5.0
_PAUSE_SECONDS = 1.0


def is_queue(address: str) -> bool:
    """Whether it names a queue, for the default exchange. Nameko's own addresses are keys of another."""
    return address.startswith(_NAMES_OF_QUEUES)


class Serving:
    """The side of the link that takes calls; it may be asked to before there is a connection."""

    def __init__(self, exchange: str, window: int) -> None:
        self.exchange = exchange
        self.window = window
        self.consumer: Any = None
        self._wire: Wire | None = None
        self._epoch = self._under_way = 0
        self._acks = Acks()
        self._flush_planned = self._ending = self._ended = False
        self._cancelled = Event()

    def declare(self, connection: Any) -> None:
        """Make sure that the queue is there, and open the channel."""
        if self.consumer is None:
            return
        channel = connection.channel(CHANNEL)
        queue: Queue = self.consumer.queue
        queue(channel).declare()
        channel.basic_qos(0, self.window, False)

    def consume(self, connection: Any) -> None:
        """Ask for deliveries; nothing may be read by py-amqp after this."""
        if self.consumer is not None and not self._ending:
            name = self.consumer.queue.name
            connection.channels[CHANNEL].basic_consume(name, consumer_tag=name, nowait=True)

    def opened(self, wire: Wire) -> None:
        """There is a new connection: earlier deliveries are none of this process's any more."""
        self._wire, self._acks = wire, Acks()
        self._epoch += 1
        self._under_way = 0

    def lost(self) -> None:
        """There is no connection."""
        self._wire = None

    def deliver(self, message: Delivery) -> None:
        """Hand a delivery to the consumer; what comes after the end goes back."""
        message.epoch = self._epoch
        self._under_way += 1
        if self._ended:
            self.requeue(message)
        else:
            self.consumer.take(message)

    def cancelled(self) -> None:
        """The broker has sent the last delivery."""
        self._cancelled.send()

    def end(self) -> None:
        """Take no more calls. Returns when the broker sends no more, or is away.

        What the broker has sent before it hears of it is carried out: given back, it would come to the next
        instance as a call that may have been carried out already.
        """
        self._ending = True
        try:
            self._cancel()
        finally:
            self._ended = True

    def _cancel(self) -> None:
        if self._wire is None or self.consumer is None:
            return
        try:
            self._wire.send(frames.cancel(CHANNEL, self.consumer.queue.name))
            with eventlet.Timeout(_CANCEL_SECONDS, False):
                self._cancelled.wait()
        except LinkLost:
            pass

    def reply(self, message: Delivery, body: bytes) -> None:
        """Answer a call, and note that it is done.

        Raises LinkLost; and LinkFull where the body is more than ``SMALL_BYTES`` and there is no room. The
        call is not done then: a small answer has to follow.
        """
        if self._wire is None:
            raise LinkLost("there is no connection to the broker")
        if self._wire.is_full and len(body) > SMALL_BYTES:
            raise LinkFull("the broker takes nothing")
        address = message.properties["reply_to"]
        properties = frames.reply_properties(message.properties.get("correlation_id", ""))
        exchange = "" if is_queue(address) else self.exchange
        data = frames.publish(CHANNEL, (exchange, address), properties, body, self._wire.frame_max)
        self.settle(message)
        if self._acks.waiting >= self.window // 4:
            data += self._due()
        self._write(self._wire, data)

    def settle(self, message: Delivery) -> None:
        """Note that a message is done; the broker is told soon."""
        if message.settled or message.epoch != self._epoch:
            return  # of a connection that is gone: the broker has given it to somebody else
        message.settled = True
        self._under_way -= 1
        self._acks.add(message.tag)
        if not self._flush_planned:
            self._flush_planned = True
            get_hub().schedule_call_global(_ACK_SECONDS, self.flush)

    def requeue(self, message: Delivery) -> None:
        """Give a message back to its queue."""
        if message.settled or message.epoch != self._epoch or self._wire is None:
            return
        message.settled = True
        self._under_way -= 1
        self._acks.told(message.tag)
        self._tell(frames.requeue(CHANNEL, message.tag))

    def requeue_later(self, message: Delivery) -> None:
        """Give it back after a moment, so that what nobody can take does not come around in a hot loop."""
        eventlet.sleep(_PAUSE_SECONDS)
        self.requeue(message)

    def flush(self) -> None:
        """Acknowledge what is done."""
        self._flush_planned = False
        if self._acks.waiting:
            self._tell(self._due())

    def _due(self) -> bytes:
        return b"".join(frames.ack(CHANNEL, tag, multiple) for tag, multiple in self._acks.take())

    def _tell(self, data: bytes) -> None:
        try:
            if self._wire is not None:
                self._write(self._wire, data)
        except LinkLost:
            pass  # the broker gives it to somebody again

    def _write(self, wire: Wire, data: bytes) -> None:
        # While other calls are worked on it may have company soon; nobody waits for nothing.
        (wire.gather if self._under_way else wire.send)(data)
