"""Calls between services: with a deadline, with the caller's access checked, safe against poison.

``rpc`` is the entrypoint, ``Service`` the way to call one. Both speak Nameko's own wire format, so
``nameko shell``, ``ClusterRpcProxy`` and a stock Nameko service can call and be called.

A call carries the time after which nobody waits for its answer. The next hop inherits what is left
of it, the request expires in the queue with it, and a service does not start on one that is over.
Requests and replies live for milliseconds, so they are transient; what must survive is an event.
"""

import time
from typing import Any

import eventlet
from eventlet.event import Event
from kombu.connection import ConnectionPool
from kombu.exceptions import OperationalError
from kombu.message import Message as Received
from nameko.amqp.publish import UndeliverableMessage
from nameko.containers import WorkerContext
from nameko.exceptions import BadRequest as NamekoBadRequest
from nameko.exceptions import RemoteError, UnknownService
from nameko.rpc import MethodProxy, ReplyListener, Rpc, RpcProxy, ServiceProxy

from common import context, metrics
from common.broker import TRANSIENT
from common.consumer import QueueConsumer
from common.errors import DeadlineExceeded, SuiteError, Unavailable, internal_error
from common.identity import Allow, Tokens
from common.logging import get_logger
from common.rpc_consumer import CONFIRM_SECONDS, SafeRpcConsumer
from common.rpc_guard import Guard

log = get_logger()
START_SECONDS = 1.0
"""How long a call waits for the broker's connection in a process that is just starting."""


# kombu parts politely from a pooled connection on which a publish was interrupted: it waits, for ever,
# until the broker that was too slow to take the message has said goodbye. Dropping it needs no answer.
ConnectionPool.close_resource = lambda self, connection: connection.collect()  # type: ignore[method-assign]


class RpcEntrypoint(Rpc):
    """``@rpc(allow=Allow.USER)``: a method that others may call, and whom it serves.

    ``quiet`` leaves the line of a successful call out of the log (health probes). A call whose service
    died in the middle is delivered to the next one; that one carries it out only if it is ``idempotent``,
    as reading is, or has an ``idempotency_key``, and answers Unavailable otherwise: nobody can know how far
    the first one came.
    """

    rpc_consumer = SafeRpcConsumer()
    tokens = Tokens()
    kind = "rpc"

    def __init__(self, allow: Allow, quiet: bool = False, idempotent: bool = False, **kwargs: Any) -> None:
        super().__init__(expected_exceptions=SuiteError, **kwargs)
        self.allow = allow
        self.quiet = quiet
        self.idempotent = idempotent

    def unpack_message_headers(self, message: Received) -> dict[str, Any]:
        """The context keys that the suite knows, and nothing else."""
        return context.clean(super().unpack_message_headers(message))

    def handle_message(self, body: Any, message: Received) -> None:
        """Refuse what nobody waits for and who may not; then start a worker."""
        data = self.unpack_message_headers(message)
        if message.delivery_info.get("redelivered") and not (self.idempotent or _has_key(body)):
            raise Unavailable("interrupted", "The call was interrupted: it may have been carried out or not.")
        try:
            self.tokens.authorize(self.allow, data)
        except SuiteError as refusal:
            log.info(
                "auth_failed", entrypoint=self.method_name, code=refusal.code,
                request_id=data.get(context.REQUEST_ID),
            )  # fmt: skip
            raise
        if _remaining(data, 1.0) <= 0:
            raise DeadlineExceeded("deadline_exceeded", "The call's deadline had passed before it began.")
        super().handle_message(body, message)


rpc = RpcEntrypoint.decorator


class Replies(ReplyListener):
    """The reply queue of this process, on the consumer that survives."""

    queue_consumer = QueueConsumer()

    def __init__(self) -> None:
        super().__init__()
        self._guards: dict[str, Guard] = {}

    def guard_of(self, target: str) -> Guard:
        """The guard of a service, one in the process."""
        if target not in self._guards:
            self._guards[target] = Guard(target)
        return self._guards[target]

    def await_start(self) -> None:
        """Wait, but not for long, until this process consumes for the first time.

        A further gateway gets its part of the port's connections from the moment at which it listens.
        """
        if not self.queue_consumer.has_begun:
            self.queue_consumer.await_begin(START_SECONDS)

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """Drop it: the call that it answers ends at its deadline."""
        log.error("rpc_reply_undecodable", error=str(exc))
        self.queue_consumer.ack_message(message)


class Awaited:
    """The reply that one call waits for; forgotten when the call is over, however it ended."""

    def __init__(self, replies: Replies) -> None:
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
        self.replies._reply_events.pop(self.correlation_id, None)


class Service(RpcProxy):
    """Injects a client for another service: ``users = Service("users")``, ``self.users.get(user_id=...)``.

    ``as_service`` adds the proof that one of the suite's services is calling. ``deadline`` is in seconds;
    without it, ``RPC_DEADLINE`` of the configuration holds. A deadline inherited from the caller's
    caller always wins if it is earlier.
    """

    rpc_reply_listener = Replies()
    tokens = Tokens()

    def __init__(self, target_service: str, as_service: bool = False, deadline: float | None = None) -> None:
        super().__init__(target_service)
        self.as_service = as_service
        self.deadline = deadline

    def get_dependency(self, worker_ctx: WorkerContext) -> "Client":
        """A client bound to this worker's context."""
        seconds = self.deadline or float(self.container.config["RPC_DEADLINE"])
        return Client(
            worker_ctx, self.target_service, self.rpc_reply_listener, seconds,
            self.tokens if self.as_service else None, self.rpc_reply_listener.guard_of(self.target_service),
        )  # fmt: skip


class Client(ServiceProxy):
    """Another service's methods, as attributes. Without a guard (health probes) each call is sent."""

    def __init__(
        self, worker_ctx: WorkerContext, name: str, replies: Replies, seconds: float,
        tokens: Tokens | None = None, guard: Guard | None = None,
    ) -> None:  # fmt: skip
        super().__init__(worker_ctx, name, replies)
        self.seconds = seconds
        self.tokens = tokens
        self.guard = guard

    def __getattr__(self, name: str) -> "Call":
        return Call(self, name)

    def within(self, seconds: float) -> "Client":
        """The same client with a shorter deadline."""
        return Client(
            self.worker_ctx, self.service_name, self.reply_listener, seconds, self.tokens, self.guard
        )


class Call(MethodProxy):
    """One method of another service; calling it waits for the answer, at most until the deadline."""

    def __init__(self, client: Client, method_name: str) -> None:
        super().__init__(
            client.worker_ctx, client.service_name, method_name, Awaited(client.reply_listener),
            delivery_mode=TRANSIENT, confirm_timeout=CONFIRM_SECONDS,
        )  # fmt: skip
        self.client = client
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
            metrics.RPC_CALL_SECONDS.labels(self.service_name, outcome).observe(seconds)

    def get_message_headers(self, worker_ctx: WorkerContext) -> dict[str, Any]:
        """The caller's context, the deadline, and the service's proof if asked for."""
        data = context.outgoing(worker_ctx.data, context.CALL_KEYS)
        data[context.DEADLINE] = repr(self.expires_at)
        if self.client.tokens:
            data[context.SERVICE_TOKEN] = self.client.tokens.service_token()
        headers: dict[str, Any] = {self._get_header_name(key): value for key, value in data.items()}
        headers[self._get_header_name("call_id_stack")] = worker_ctx.call_id_stack
        return headers

    def _guarded(self, kwargs: dict[str, Any]) -> Any:
        self.client.reply_listener.await_start()
        seconds = min(self.client.seconds, _remaining(self.worker_ctx.data, self.client.seconds))
        if seconds <= 0:
            raise self._late()
        if not metrics.broker_is_up():
            raise Unavailable("unavailable", "The broker is not available.")
        guard = self.client.guard
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
        self.publisher.expiration = seconds
        self.unanswered = self._late()
        with eventlet.Timeout(seconds, self.unanswered):
            return self._exchange(kwargs)

    def _exchange(self, kwargs: dict[str, Any]) -> Any:
        try:
            return self._call(**kwargs).result()
        except (OperationalError, UnknownService, UndeliverableMessage, OSError):
            self.unanswered = Unavailable("unavailable", f"The {self.service_name} service is not available.")
            raise self.unanswered from None
        except SuiteError:
            raise
        except (RemoteError, NamekoBadRequest, TypeError, KeyError, AttributeError) as problem:
            log.error(
                "rpc_answer_unknown", target=self.service_name, method=self.method_name, error=str(problem)
            )
            raise internal_error() from None
        finally:
            self.reply_listener.forget()

    def _late(self) -> SuiteError:
        return DeadlineExceeded(
            "deadline_exceeded", f"The {self.service_name} service did not answer in time."
        )


def _has_key(body: Any) -> bool:
    arguments = body.get("kwargs")
    return isinstance(arguments, dict) and bool(arguments.get("idempotency_key"))


def _remaining(data: dict[str, Any], default: float) -> float:
    """Seconds until the deadline in a worker's context; ``default`` where there is none."""
    try:
        return float(data[context.DEADLINE]) - time.time()
    except (KeyError, ValueError):
        return default
