"""The caller's side of a call: guarded, in time, and sent over the transport that is configured."""

import time
from collections.abc import Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

from kombu.exceptions import KombuError, OperationalError
from nameko.amqp.publish import UndeliverableMessage
from nameko.constants import CALL_ID_STACK_CONTEXT_KEY
from nameko.containers import WorkerContext
from nameko.exceptions import BadRequest as NamekoBadRequest
from nameko.exceptions import RemoteError, UnknownService

from common import context, metrics, tracing
from common.errors import DeadlineExceeded, InternalError, SuiteError, internal_error
from common.identity import Tokens
from common.logging import get_logger
from common.rpc_guard import Guard, unavailable
from common.rpc_transports import Replies
from common.sampling import SLOW_SECONDS
from common.transport import codec
from common.transport.calling import Undeliverable
from common.transport.wire import LinkFull, LinkLost

log = get_logger()
_FAILED = ("failed", InternalError.__name__)
_TELLING_SECONDS, _TELLING_SHARE = 0.5, 0.05
"""What a call keeps of its caller's time, to tell that caller which service did not answer, and why."""
NOBODY_THERE = (
    OperationalError, UnknownService, UndeliverableMessage, OSError, LinkLost, LinkFull, Undeliverable,
)  # fmt: skip
"""What tells that a call did not reach the service, or that its answer can't come any more."""
NO_WORD_OF_OURS = (
    RemoteError, NamekoBadRequest, KombuError, TypeError, KeyError, AttributeError, ValueError,
)  # fmt: skip


@dataclass(slots=True)
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
    is_shared: bool = False

    def __getattr__(self, name: str) -> "Call":
        return Call(self, name)

    def within(self, seconds: float) -> "Client":
        """The same client with a shorter deadline."""
        return replace(self, seconds=seconds)

    @property
    def shared(self) -> "Client":
        """The same client, for reads: what one caller asks for again while it is being read is one call.

        See :mod:`common.shared_read`. The answer is not to be changed.
        """
        return replace(self, is_shared=True)


class Call:
    """One method of another service; calling it waits for the answer, at most until the deadline."""

    def __init__(self, client: Client, method_name: str) -> None:
        self.client = client
        self.method_name = method_name
        self.expires_at = 0.0
        self.may_repeat = False
        self.leaves_items = False
        self.has_place = False
        self.askers: Sequence[str] = ("",)
        self.unanswered: SuiteError | None = None
        self.span: tracing.Span | None = None

    def __call__(self, **kwargs: Any) -> Any:
        """Send the call and return its result; errors arrive as the class that was raised.

        Raises Unavailable if the broker or the service is not there, DeadlineExceeded if it is silent,
        InternalError if it answers with something that is no word of ours.
        """
        if self.client.is_shared and not self._is_traced():
            return self._shared(kwargs)
        return self._made(kwargs)

    def _shared(self, kwargs: dict[str, Any]) -> Any:
        # Each who waits takes a place, or a silent service could have all workers wait by a handful of calls.
        client, self.has_place = self.client, True
        client.replies.await_start()
        asker = client.worker_ctx.data.get(context.REQUEST_ID, "")
        with client.guard or nullcontext():
            return client.replies.shared.read(self._question(kwargs), partial(self._made_for, kwargs), asker)

    def _question(self, kwargs: dict[str, Any]) -> tuple[Hashable, ...]:
        """All that an answer may follow from: who asks from where, with which proof, until when, for what."""
        client = self.client
        who = context.outgoing(client.worker_ctx.data, context.ASKING_KEYS)
        how = (client.service_name, self.method_name, self.leaves_items, bool(client.tokens), client.seconds)
        return *how, *who.items(), codec.dumps(kwargs)

    def _is_traced(self) -> bool:
        # Its trace is to show all that it has caused.
        return tracing.recorder.is_on and tracing.is_sampled(self.client.worker_ctx.data)

    def _made_for(self, kwargs: dict[str, Any], askers: Sequence[str]) -> Any:
        self.askers = askers
        if len(askers) > 1:
            metrics.CALLS_SHARED.labels(self.client.service_name).inc(len(askers) - 1)
        return self._made(kwargs)

    def _made(self, kwargs: dict[str, Any]) -> Any:
        started = time.perf_counter()
        outcome = "failed"
        if tracing.recorder.is_on:
            self.span = self._begin_span()
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
            if len(self.askers) > 1 and (outcome in _FAILED or seconds > SLOW_SECONDS):
                self._tell_for_whom(outcome)
            if self.span is not None:
                self.span.end("" if outcome == "ok" else outcome)

    def _tell_for_whom(self, outcome: str) -> None:
        # The other service's lines have the first one's id alone.
        log.warning(
            "shared_call_failed_or_slow", target=self.client.service_name, method=self.method_name,
            outcome=outcome, request_ids=" ".join(self.askers),
        )  # fmt: skip

    def unread(self, **kwargs: Any) -> Any:
        """The same for a page whose ``items`` are only passed on: they may stay the JSON that came."""
        self.leaves_items = True
        return self(**kwargs)

    def carried(self) -> dict[str, Any]:
        """What goes with it: the caller's context, the deadline, the service's proof if asked for."""
        worker_ctx = self.client.worker_ctx
        data = context.outgoing(worker_ctx.data, context.CALL_KEYS)
        data[context.DEADLINE] = repr(self.expires_at)
        if self.span is not None:
            data[context.TRACEPARENT] = self.span.traceparent
        if self.client.tokens:
            data[context.SERVICE_TOKEN] = self.client.tokens.service_token()
        return {**data, CALL_ID_STACK_CONTEXT_KEY: worker_ctx.call_id_stack}

    def _begin_span(self) -> tracing.Span | None:
        data = self.client.worker_ctx.data
        if not (parent := data.get(context.TRACEPARENT)):
            return None
        name, told = f"{self.client.service_name}.{self.method_name}", {"rpc.system": "nameko"}
        state = data.get(context.TRACESTATE, "")
        return tracing.recorder.begin(name, tracing.CLIENT, parent, told, state)

    def _guarded(self, kwargs: dict[str, Any]) -> Any:
        client = self.client
        client.replies.await_start()
        seconds = min(client.seconds, _left(client.worker_ctx.data))
        if seconds <= 0:
            raise self._late()
        client.replies.check_broker()
        guard = client.guard
        if guard is None:
            return self._in_time(kwargs, seconds)
        with nullcontext() if self.has_place else guard:
            seconds = guard.limit(seconds)
            try:
                result = self._in_time(kwargs, seconds)
            except SuiteError as error:
                if error is self.unanswered:
                    raise guard.not_answered(error, seconds, len(self.askers)) from None
                guard.answered()
                raise
            guard.answered()
            return result

    def _in_time(self, kwargs: dict[str, Any], seconds: float) -> Any:
        self.expires_at = time.time() + seconds
        # What runs in an entrypoint that may run twice may be called twice.
        caller = self.client.worker_ctx.entrypoint
        self.may_repeat = getattr(caller, "idempotent", False) or bool(kwargs.get("idempotency_key"))
        return self._exchange(kwargs, seconds)

    def _exchange(self, kwargs: dict[str, Any], seconds: float) -> Any:
        try:
            return self.client.replies.transport.exchange(self, kwargs, seconds)
        except SuiteError:
            raise
        except NOBODY_THERE:
            self.unanswered = unavailable(self.client.service_name)
            raise self.unanswered from None
        except NO_WORD_OF_OURS as problem:
            log.error(
                "rpc_answer_unknown", target=self.client.service_name, method=self.method_name,
                error=str(problem),
            )  # fmt: skip
            raise internal_error() from None

    def late(self) -> SuiteError:
        """The error of a call whose time is over; it counts as not answered."""
        self.unanswered = self._late()
        return self.unanswered

    def _late(self) -> SuiteError:
        return DeadlineExceeded(
            "deadline_exceeded", f"The {self.client.service_name} service did not answer in time."
        )


def _left(data: dict[str, Any]) -> float:
    """Seconds that a call may take which is made on behalf of another one."""
    left = context.remaining(data, inf)
    return left - min(_TELLING_SECONDS, left * _TELLING_SHARE)
