"""The caller's side of a call: guarded, in time, and sent over the transport that is configured."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import eventlet
from eventlet.event import Event
from kombu.connection import ConnectionPool
from kombu.exceptions import KombuError, OperationalError
from kombu.message import Message as Received
from nameko import serialization
from nameko.amqp.publish import UndeliverableMessage
from nameko.containers import WorkerContext
from nameko.exceptions import BadRequest as NamekoBadRequest
from nameko.exceptions import RemoteError, UnknownService, deserialize
from nameko.messaging import HeaderEncoder
from nameko.rpc import MethodProxy, ReplyListener

from common import context, metrics
from common.broker import TRANSIENT
from common.consumer import QueueConsumer
from common.errors import DeadlineExceeded, SuiteError, Unavailable, internal_error
from common.identity import Tokens
from common.logging import get_logger
from common.rpc_consumer import CONFIRM_SECONDS, is_fast
from common.rpc_guard import Guard
from common.transport import codec
from common.transport.calling import Question, Undeliverable
from common.transport.link import Link
from common.transport.wire import LinkFull, LinkLost

log = get_logger()
START_SECONDS = 1.0
"""How long a call waits for the broker's connection in a process that is just starting."""
NOBODY_THERE = (
    OperationalError, UnknownService, UndeliverableMessage, OSError, LinkLost, LinkFull, Undeliverable,
)  # fmt: skip
"""What tells that a call did not reach the service, or that its answer can't come any more."""
NO_WORD_OF_OURS = (
    RemoteError, NamekoBadRequest, KombuError, TypeError, KeyError, AttributeError, ValueError,
)  # fmt: skip
_PREFIX = HeaderEncoder.header_prefix

# kombu parts politely from a pooled connection on which a publish was interrupted: it waits, for ever,
# until the broker that was too slow to take the message has said goodbye. Dropping it needs no answer.
ConnectionPool.close_resource = lambda self, connection: connection.collect()  # type: ignore[method-assign]


class Transport(Protocol):
    """A way to send a call and to wait for the answer."""

    def exchange(self, call: "Call", kwargs: Mapping[str, Any], seconds: float) -> Any:
        """The result, or the error that was raised at the other end; else one of ``NOBODY_THERE``.

        After ``seconds`` it raises ``call.unanswered``.
        """


class FastTransport:
    """Over the link; see :mod:`common.transport`."""

    def __init__(self, link: Link, accept: Any) -> None:
        self.link = link
        self.accept = accept

    def exchange(self, call: "Call", kwargs: Mapping[str, Any], seconds: float) -> Any:
        """Send, wait, read the answer."""
        body = codec.dumps({"args": (), "kwargs": kwargs})
        client = call.client
        question = Question(
            client.service_name, call.method_name, call.headers(), body, seconds, client.is_stock
        )
        reply = self.link.calling.call(question, call.unanswered)
        answer = codec.loads(reply.body, reply.properties, self.accept)
        if answer.get("error"):
            raise deserialize(answer["error"])
        return answer["result"]


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
        return self.call.headers()


class StockTransport:
    """By Nameko's own classes: confirmed, and with a reply queue."""

    def exchange(self, call: "Call", kwargs: Mapping[str, Any], seconds: float) -> Any:
        """Send, wait, read the answer."""
        awaited = Awaited(call.client.replies)
        try:
            with eventlet.Timeout(seconds, call.unanswered):
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
            self._guards[target] = Guard(target)
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


@dataclass(frozen=True)
class Client:
    """Another service's methods, as attributes; each call ends after ``seconds`` at the latest.

    With ``tokens`` a call proves that a service is calling. Without a guard (health probes) each call is
    sent. A service that ``is_stock`` runs on Nameko's own classes and answers by way of their reply queue.
    """

    worker_ctx: WorkerContext
    service_name: str
    replies: Replies
    seconds: float
    tokens: Tokens | None = None
    guard: Guard | None = None
    is_stock: bool = False

    def __getattr__(self, name: str) -> "Call":
        return Call(self, name)

    def within(self, seconds: float) -> "Client":
        """The same client with a shorter deadline."""
        return replace(self, seconds=seconds)


class Call:
    """One method of another service; calling it waits for the answer, at most until the deadline."""

    def __init__(self, client: Client, method_name: str) -> None:
        self.client = client
        self.method_name = method_name
        self.expires_at = 0.0
        self.unanswered: SuiteError | None = None

    def __call__(self, **kwargs: Any) -> Any:
        """Send the call and return its result; errors arrive as the class that was raised.

        Raises Unavailable if the broker or the service is not there, DeadlineExceeded if it is silent,
        InternalError if it answers with something that is no word of ours.
        """
        started = time.perf_counter()
        outcome = "failed"
        try:
            result = self._guarded(kwargs)
            outcome = "ok"
            return result
        except SuiteError as error:
            outcome = type(error).__name__
            raise
        finally:
            seconds = time.perf_counter() - started
            metrics.rpc_call(self.client.service_name, outcome).observe(seconds)

    def headers(self) -> dict[str, Any]:
        """The caller's context, the deadline, and the service's proof if asked for."""
        worker_ctx = self.client.worker_ctx
        data = context.outgoing(worker_ctx.data, context.CALL_KEYS)
        data[context.DEADLINE] = repr(self.expires_at)
        if self.client.tokens:
            data[context.SERVICE_TOKEN] = self.client.tokens.service_token()
        headers: dict[str, Any] = {f"{_PREFIX}.{key}": value for key, value in data.items()}
        headers[f"{_PREFIX}.call_id_stack"] = worker_ctx.call_id_stack
        return headers

    def _guarded(self, kwargs: dict[str, Any]) -> Any:
        client = self.client
        client.replies.await_start()
        seconds = min(client.seconds, context.remaining(client.worker_ctx.data, client.seconds))
        if seconds <= 0:
            raise self._late()
        client.replies.check_broker()
        guard = client.guard
        if guard is None:
            return self._in_time(kwargs, seconds)
        with guard.place():
            seconds = guard.limit(seconds)
            try:
                result = self._in_time(kwargs, seconds)
            except SuiteError as error:
                if error is self.unanswered:
                    guard.not_answered(error, seconds)
                else:
                    guard.answered()
                raise
            guard.answered()
            return result

    def _in_time(self, kwargs: dict[str, Any], seconds: float) -> Any:
        self.expires_at = time.time() + seconds
        self.unanswered = self._late()
        return self._exchange(kwargs, seconds)

    def _exchange(self, kwargs: dict[str, Any], seconds: float) -> Any:
        try:
            return self.client.replies.transport.exchange(self, kwargs, seconds)
        except SuiteError:
            raise
        except NOBODY_THERE:
            self.unanswered = Unavailable(
                "unavailable", f"The {self.client.service_name} service is not available."
            )
            raise self.unanswered from None
        except NO_WORD_OF_OURS as problem:
            log.error(
                "rpc_answer_unknown", target=self.client.service_name, method=self.method_name,
                error=str(problem),
            )  # fmt: skip
            raise internal_error() from None

    def _late(self) -> SuiteError:
        return DeadlineExceeded(
            "deadline_exceeded", f"The {self.client.service_name} service did not answer in time."
        )
