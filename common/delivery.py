"""How an event is consumed: at least once, retried with a growing delay, or set aside with its reason.

Read aloud: *success acknowledges. What can't succeed goes to the dead letters at once. All else waits
in the broker and is tried again, ``RETRY_MAX_ATTEMPTS`` times in all, and then goes there too.* The
count travels in a header of our own, since RabbitMQ 4 ignores an ``x-death`` that a client sends. The
original is acknowledged only after the broker has confirmed the copy.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

from kombu.message import Message as Received
from kombu.serialization import prepare_accept_content
from nameko.containers import WorkerContext
from nameko.events import EventHandler as NamekoEventHandler
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import DependencyProvider, SharedExtension

from common import clock, context, events, metrics, topology
from common.broker import ConfirmedPublisher, Message, PublishFailed, as_bytes, is_sendable
from common.consumer import QueueConsumer
from common.events import Event
from common.failures import PermanentFailure, Postponed
from common.gathering import PREFETCH, Gathering
from common.logging import get_logger
from common.retry import backoff, describe, is_permanent, slot
from common.transport import codec

log = get_logger()
ATTEMPTS = "suite-attempts"
FIRST_FAILED_AT = "suite-first-failed-at"
REASON, DETAIL = "dead-letter-reason", "dead-letter-detail"
ORIGINAL_QUEUE, DIED_AT = "original-queue", "dead-lettered-at"
BOOKKEEPING = (ATTEMPTS, FIRST_FAILED_AT, REASON, DETAIL, ORIGINAL_QUEUE, DIED_AT, "delay-ms")
"""The headers that tell of failures: a message that starts anew goes without them."""
ATTEMPT = "attempt"


def attempts_before(message: Received) -> int:
    """How many attempts have failed so far, as our own header tells; 0 for anything odd."""
    count = message.headers.get(ATTEMPTS)
    return count if isinstance(count, int) and 0 < count < 10_000 else 0


class Redelivery(SharedExtension):
    """Moves a message on: to a delay queue, or to the dead letters; then it may be acknowledged."""

    publisher = ConfirmedPublisher()
    topology = topology.Topology()

    def retry(self, message: Received, queue: str, error: BaseException) -> float:
        """Put a copy where it waits before the next attempt; the delay in seconds."""
        policy, failed = self.container.config["RETRY"], attempts_before(message)
        seconds = backoff(failed, policy["base_seconds"], policy["cap_seconds"])
        middle = min(policy["cap_seconds"], policy["base_seconds"] * 2 ** min(failed, 62)) * 1000
        self._delay(message, queue, seconds, slot(round(seconds * 1000), middle), _history(message))
        return seconds

    def postpone(self, message: Received, queue: str, seconds: float) -> None:
        """Put a copy where it waits for that time; its attempts stay what they were."""
        self._delay(message, queue, seconds, math.ceil(seconds * 1000), {})

    def _delay(
        self, message: Received, queue: str, seconds: float, waiting: int, more: dict[str, Any]
    ) -> None:
        headers = {**_kept(message), **more, "delay-ms": waiting}
        properties = {**properties_of(message), "expiration": str(max(1, round(seconds * 1000)))}
        copy = Message(topology.DELAYS.name, queue, message.body, headers, properties)
        self.publisher.publish([copy], declare=[topology.delay_queue(waiting)])

    def dead_letter(self, message: Received, queue: str, reason: str, detail: str) -> None:
        """Put a copy into the dead letters, with all that an operator wants to know."""
        headers = {
            **_kept(message),
            **_history(message),
            REASON: reason,
            DETAIL: detail,
            ORIGINAL_QUEUE: queue,
            DIED_AT: clock.to_text(clock.now()),
        }
        copy = Message(topology.DEAD_LETTERS, queue, message.body, headers, properties_of(message))
        self.publisher.publish([copy])
        metrics.DEAD_LETTERED.labels(queue).inc()
        log.warning(
            "message_dead_lettered", queue=queue, reason=reason, detail=detail, attempts=headers[ATTEMPTS]
        )


def keep(consumer: Any, message: Any, queue: str, problem: Exception) -> None:
    """Give back, a moment later, what could not be set aside, for whatever reason.

    An exception that got past this would end the process, which has other messages.
    """
    traced = None if isinstance(problem, PublishFailed) else problem
    log.error("message_kept", queue=queue, error=str(problem), exc_info=traced)
    consumer.requeue_later(message)


def _body(message: Received) -> bytes:
    return as_bytes(message.body, message.properties.get("content_encoding"))


def _kept(message: Received) -> dict[str, Any]:
    own = {key: value for key, value in message.headers.items() if not key.startswith("x-")}
    return {key: value for key, value in own.items() if is_sendable("headers", {key: value})}


def _history(message: Received) -> dict[str, Any]:
    first = message.headers.get(FIRST_FAILED_AT) or clock.to_text(clock.now())
    return {ATTEMPTS: attempts_before(message) + 1, FIRST_FAILED_AT: first}


def properties_of(message: Received) -> dict[str, Any]:
    """The properties that a copy keeps: how to read it, which it is, whom to answer."""
    names = ("content_type", "content_encoding", "correlation_id", "message_id", "reply_to", "priority")
    found = {name: message.properties[name] for name in names if message.properties.get(name)}
    return {name: value for name, value in found.items() if is_sendable(name, value)}


class EventHandler(NamekoEventHandler):
    """``@handles(events.USER_REGISTERED)`` on ``handle_user_registered``: retried, never lost.

    ``share`` is the part of the process's workers that may be busy with this event: where handlers take
    long, a backlog of one kind then leaves room for the others.

    ``together`` names a method of the service that takes many of these events at once: see
    :mod:`common.gathering`. One that is ``quiet`` writes its own line into the log when all is well.
    """

    queue_consumer = QueueConsumer()
    redelivery = Redelivery()
    kind = "event"

    def __init__(
        self, event: Event, share: float = 1, together: str = "", quiet: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(event.source, event.name, **kwargs)
        self.quiet = quiet
        self.event = event
        self.share = share
        self.together = together

    def setup(self) -> None:
        """Refuse a handler that the events page does not know: its queue would be declared too late."""
        service = self.container.service_name
        declared = self.event in events.SUBSCRIBERS.get(service, ())
        if not declared or self.method_name != topology.handler_name(self.event):
            raise TypeError(f"{service}.{self.method_name} is not on the events page for {self.event.name}")
        super().setup()
        self.queue = topology.event_queue(self.event, service, self.container.config["EVENT_QUEUE_TYPE"])
        self._accept = prepare_accept_content(self.container.accept)
        self._gathering = Gathering(self, self.together) if self.together else None

    @property
    def prefetch(self) -> int:
        """How many messages this process takes from the broker at a time; 0: as many as it has workers."""
        return PREFETCH if self.together else 0

    def stop(self) -> None:
        """Take no more; the broker gives to others what is gathered and not begun."""
        super().stop()
        if self._gathering:
            self._gathering.forget()

    def take_undecoded(self, message: Received) -> None:
        """Begin to handle a message, by itself or with others; returns at once."""
        if self._gathering:
            self._gathering.add(message)
        else:
            self.container.spawn_managed_thread(partial(self._handle, message), identifier=self.queue.name)

    def unpack_message_headers(self, message: Received) -> dict[str, Any]:
        """The known context keys alone, and which attempt this is; no token travels with an event."""
        data = context.outgoing(context.received(message.headers), context.EVENT_KEYS)
        return {**data, ATTEMPT: str(attempts_before(message) + 1)}

    def read(self, message: Received) -> dict[str, Any] | None:
        """The event in a message; what is none is set aside."""
        try:
            body = codec.loads(_body(message), message.properties, self._accept)
        except Exception as exc:
            self.handle_undecodable(message, exc)
            return None
        problem = self.event.problem(body)
        if problem:
            error = PermanentFailure("malformed_event", problem)
            self.handle_message_processed(message, None, (PermanentFailure, error, None))
            return None
        event: dict[str, Any] = body
        return event

    def handle_alone(self, event: dict[str, Any], message: Received) -> None:
        """Run a worker for one event, in this green thread."""
        data, settle = self.unpack_message_headers(message), partial(self.handle_result, message)
        metrics.event_delay(self.event.name).observe(events.age(event))
        try:
            self.container.run_worker_when_there_is_room(self, (event,), data, settle)
        except ContainerBeingKilled:
            self.queue_consumer.requeue_message(message)

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """Set aside what is no JSON."""
        error = PermanentFailure("undecodable", f"the body can't be read: {exc}")
        self.handle_message_processed(message, None, (PermanentFailure, error, None))

    def _handle(self, message: Received) -> None:
        event = self.read(message)
        if event is not None:
            self.handle_alone(event, message)

    def handle_message_processed(self, message: Received, result: Any = None, exc_info: Any = None) -> None:
        """Acknowledge, delay or set aside; if the broker takes no copy, the original stays with it."""
        error = exc_info[1] if exc_info else None
        try:
            outcome = self._settle(message, error)
        except Exception as problem:
            keep(self.queue_consumer, message, self.queue.name, problem)
            return
        metrics.event_handled(self.event.name, outcome).inc()
        self.queue_consumer.ack_message(message)

    def _settle(self, message: Received, error: BaseException | None) -> str:
        if error is None:
            return "handled"
        if isinstance(error, Postponed):
            self.redelivery.postpone(message, self.queue.name, error.seconds)
            log.info(
                "message_postponed", queue=self.queue.name, reason=error.reason,
                in_seconds=round(error.seconds, 3),
            )  # fmt: skip
            return "postponed"
        attempt, limit = attempts_before(message) + 1, self.container.config["RETRY"]["max_attempts"]
        reason, detail = describe(error)
        if is_permanent(error) or attempt >= limit:
            self.redelivery.dead_letter(message, self.queue.name, reason, detail)
            return "dead_lettered"
        seconds = self.redelivery.retry(message, self.queue.name, error)
        log.warning(
            "message_retried", queue=self.queue.name, attempt=attempt, of=limit, reason=reason,
            in_seconds=round(seconds, 3),
        )  # fmt: skip
        return "retried"


handles = EventHandler.decorator


@dataclass(frozen=True, slots=True)
class Attempt:
    """The how-manieth attempt at an event this is (from 1), and whether there will be another."""

    number: int
    is_last: bool


class CurrentAttempt(DependencyProvider):
    """Injects the :class:`Attempt` of an event handler's worker."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Attempt:
        """Which attempt this worker makes."""
        number = int(worker_ctx.data.get(ATTEMPT, 1))
        return Attempt(number, number >= self.container.config["RETRY"]["max_attempts"])
