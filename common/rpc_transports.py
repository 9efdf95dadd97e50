"""The two ways on which a call goes out and its reply comes back: the link, or Nameko's own classes."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import eventlet
from eventlet.event import Event
from kombu.connection import ConnectionPool
from kombu.message import Message as Received
from nameko import serialization
from nameko.containers import WorkerContext
from nameko.exceptions import deserialize
from nameko.rpc import MethodProxy, ReplyListener

from common import context, metrics, unread_pages
from common.attendance import Attendance
from common.broker import TRANSIENT
from common.consumer import QueueConsumer
from common.errors import Unavailable
from common.logging import get_logger
from common.rpc_consumer import CONFIRM_SECONDS, is_fast
from common.rpc_guard import Guard
from common.shared_read import SharedRead
from common.transport import codec
from common.transport.calling import Question
from common.transport.frames import Delivery
from common.transport.link import Link
from common.transport.wire import LinkLost

if TYPE_CHECKING:
    from common.rpc_calls import Call

log = get_logger()
REPEAT_SECONDS = 2.0
"""How long a call that may be repeated waits for another connection."""
START_SECONDS = 1.0
"""How long a call waits for the broker's connection in a process that is just starting."""

# kombu parts politely from a pooled connection on which a publish was interrupted: it waits, for ever,
# until the broker that was too slow to take the message has said goodbye. Dropping it needs no answer.
ConnectionPool.close_resource = lambda self, connection: connection.collect()  # type: ignore[method-assign]


class Transport(Protocol):
    """A way to send a call and to wait for the answer."""

    def exchange(self, call: "Call", kwargs: Mapping[str, Any], seconds: float) -> Any:
        """The result, or the error that was raised at the other end; else one of ``NOBODY_THERE``.

        After ``seconds`` it raises ``call.late()``.
        """


class FastTransport:
    """Over the link; see :mod:`common.transport`."""

    def __init__(self, link: Link, accept: Any) -> None:
        self.link = link
        self.accept = accept

    def exchange(self, call: "Call", kwargs: Mapping[str, Any], seconds: float) -> Any:
        """Send, wait, read the answer."""
        body = codec.dumps({"args": (), "kwargs": kwargs})
        question = Question(call.client.service_name, call.method_name, _written(call), body, seconds)
        reply = self._ask(question, call)
        page = unread_pages.read(reply.body) if call.leaves_items else None
        if page is not None:
            return page
        answer = codec.loads(reply.body, reply.properties, self.accept)
        if answer.get("error"):
            raise deserialize(answer["error"])
        return answer["result"]

    def _ask(self, question: Question, call: "Call") -> Delivery:
        """Send it, and once more over the next connection if this one is lost and no harm can come of it."""
        try:
            return self.link.calling.call(question, call.late)
        except LinkLost:
            if not call.may_repeat:
                raise
            metrics.CALLS_REPEATED.labels(call.client.service_name).inc()
            self.link.await_open(min(REPEAT_SECONDS, call.expires_at - time.time()))
            left = call.expires_at - time.time()
            if left <= 0:
                raise
            again = question._replace(seconds=left, headers=_written(call, {context.REPEATED: "yes"}))
            return self.link.calling.call(again, call.late)


def _written(call: "Call", more: dict[str, str] | None = None) -> dict[str, Any]:
    write = context.spelled_out if call.client.is_stock else context.packed
    return write(call.carried() | (more or {}))


class Awaited:
    """The reply that one call waits for; forgotten when the call is over, however it ended."""

    def __init__(self, replies: "Replies") -> None:
        self.replies = replies
        self.routing_key = replies.routing_key
        self.correlation_id = ""

    def get_reply_event(self, correlation_id: str) -> Event:
        """Called by Nameko with the id that it has drawn for the call."""
        self.correlation_id = correlation_id
        event: Event = self.replies.get_reply_event(correlation_id)
        return event

    def forget(self) -> None:
        """Stop waiting: a reply that comes now is dropped."""
        self.replies.awaited.pop(self.correlation_id, None)


class StockMethod(MethodProxy):
    """Nameko's own way to call one method, with the headers of our call."""

    def __init__(self, call: "Call", awaited: Awaited, seconds: float) -> None:
        client = call.client
        super().__init__(
            client.worker_ctx, client.service_name, call.method_name, awaited,
            delivery_mode=TRANSIENT, confirm_timeout=CONFIRM_SECONDS, expiration=seconds,
        )  # fmt: skip
        self.call = call

    def get_message_headers(self, worker_ctx: WorkerContext) -> dict[str, Any]:
        """What travels with the call."""
        return context.spelled_out(self.call.carried())


class StockTransport:
    """By Nameko's own classes: confirmed, and with a reply queue."""

    def exchange(self, call: "Call", kwargs: Mapping[str, Any], seconds: float) -> Any:
        """Send, wait, read the answer."""
        awaited = Awaited(call.client.replies)
        try:
            with eventlet.Timeout(seconds, call.late()):
                return StockMethod(call, awaited, seconds)._call(**kwargs).result()
        finally:
            awaited.forget()


class Replies(ReplyListener):
    """What the calls of this process share: the way out and back, and the guards of the services."""

    queue_consumer = QueueConsumer()
    link = Link()
    transport: Transport

    def __init__(self) -> None:
        super().__init__()
        self._guards: dict[str, Guard] = {}
        self.shared = SharedRead()

    def setup(self) -> None:
        """Take the way that is configured."""
        config = self.container.config
        if is_fast(config):
            self.link.is_used = True
            self.transport = FastTransport(self.link, serialization.setup(config)[1])
        else:
            super().setup()
            self.transport = StockTransport()

    def stop(self) -> None:
        """Stop listening."""
        if not self.link.is_used:
            super().stop()

    @property
    def awaited(self) -> dict[str, Event]:
        """The replies that are waited for, by the id of their call."""
        waiting: dict[str, Event] = self.link.calling.awaited if self.link.is_used else self._reply_events
        return waiting

    def guard_of(self, target: str) -> Guard:
        """The guard of a service, one in the process."""
        if target not in self._guards:
            config = self.container.config
            patience = float(config["RPC_DEADLINE"]) / 2
            self._guards[target] = Guard(target, Attendance(config, target), patience)
        return self._guards[target]

    def await_start(self) -> None:
        """Wait, but not for long, until this process is connected for the first time.

        A further gateway gets its part of the port's connections from the moment at which it listens.
        """
        way: Any = self.link if self.link.is_used else self.queue_consumer
        if not way.has_begun:
            way.await_begin(START_SECONDS)

    def check_broker(self) -> None:
        """Raise Unavailable if the broker can't be reached, or takes nothing, as far as is known."""
        if not (self.link.is_open if self.link.is_used else metrics.broker_is_up()):
            raise Unavailable("unavailable", "The broker is not available.")
        if self.link.is_blocked:
            raise Unavailable("unavailable", "The broker takes no messages at the moment.")

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """Drop it: the call that it answers ends at its deadline."""
        log.error("rpc_reply_undecodable", error=str(exc))
        self.queue_consumer.ack_message(message)
