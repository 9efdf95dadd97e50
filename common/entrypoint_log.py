"""One line for each entrypoint that ran: its outcome and milliseconds, and a metric beside it."""

import time
from types import TracebackType
from typing import Any

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from werkzeug.exceptions import HTTPException

from common import context, metrics, tracing
from common.errors import InternalError, SuiteError
from common.failures import PermanentFailure, TemporaryFailure
from common.logging import bind_ids, get_logger, identify
from common.sampling import SLOW_SECONDS, Sample

log = get_logger()
IDS = "ids"
"""In a worker's context: the ids of the events that it handles together."""
SLOW_MS = SLOW_SECONDS * 1000
ExcInfo = tuple[type[BaseException], BaseException, TracebackType]


class EntrypointLog(DependencyProvider):
    """Binds a worker's ids to its log lines and writes the line at its end. Never raises."""

    def setup(self) -> None:
        """Name the service on every line of this process."""
        identify(self.container.service_name)
        self._sample = Sample(float(self.container.config["LOG_ACCESS_SAMPLE"]))

    def start(self) -> None:
        """Say that the service is up."""
        log.info("service_started")

    def stop(self) -> None:
        """Say that the service has ended in order."""
        log.info("service_stopped")

    def worker_setup(self, worker_ctx: WorkerContext) -> None:
        """Start the clock and bind the ids; runs in the greenthread that runs the method."""
        worker_ctx.began_at = time.perf_counter()
        worker_ctx.span = _begin_span(worker_ctx) if tracing.recorder.is_on else None
        bind(worker_ctx)

    def worker_result(
        self, worker_ctx: WorkerContext, result: Any = None, exc_info: ExcInfo | None = None
    ) -> None:
        """Write the line; an unforeseen error comes with its traceback, a refusal without."""
        seconds = time.perf_counter() - worker_ctx.began_at
        kind = worker_ctx.entrypoint.kind
        outcome, error = judge(exc_info[1] if exc_info else None)
        name = _name(worker_ctx)
        if worker_ctx.span is not None:
            worker_ctx.span.end("" if outcome == "ok" else error.get("code", outcome))
        if kind != "http":
            metrics.entrypoint(kind, name, outcome).observe(seconds)
        elif outcome != "failed":
            return  # the server counts it and writes that line: it knows status and path
        if outcome == "ok" and self._is_left_out(worker_ctx, seconds):
            return
        more = _told(worker_ctx.data)
        if outcome == "failed":
            log.error(
                "entrypoint_failed", kind=kind, ms=_ms(seconds), outcome=outcome, exc_info=exc_info, **more
            )
            return
        is_slow = seconds * 1000 > SLOW_MS
        # An event that was postponed or rejected is no warning here: its delivery says what becomes of it.
        write = log.warning if is_slow else log.info
        if is_slow:
            more["slow"] = True
        write(f"{kind}_handled", ms=_ms(seconds), outcome=outcome, **error, **more)

    def _is_left_out(self, worker_ctx: WorkerContext, seconds: float) -> bool:
        entrypoint = worker_ctx.entrypoint
        if getattr(entrypoint, "quiet", False):
            return True
        reads = entrypoint.kind == "rpc" and entrypoint.idempotent
        return reads and not self._sample.keeps(worker_ctx.data.get(context.REQUEST_ID), seconds)


def bind(worker_ctx: WorkerContext) -> None:
    """Put a worker's ids on all log lines of this greenthread."""
    ids = {
        "request_id": worker_ctx.data.get(context.REQUEST_ID),
        "entrypoint": f"{worker_ctx.service_name}.{_name(worker_ctx)}",
        "call_id": worker_ctx.call_id.rsplit(".", 1)[-1],
    }
    if traceparent := tracing.enter(worker_ctx.data):
        ids["trace_id"] = tracing.trace_id(traceparent)
    if worker_ctx.data.get("events") == 1:
        ids |= worker_ctx.data.get(IDS, {})
    bind_ids({key: value for key, value in ids.items() if value})


def _begin_span(worker_ctx: WorkerContext) -> tracing.Span | None:
    """A span for a call or an event that belongs to a trace; a request has its own at the server."""
    kind, parent = worker_ctx.entrypoint.kind, worker_ctx.data.get(context.TRACEPARENT)
    if kind == "http" or not parent:
        return None
    name = f"{worker_ctx.service_name}.{_name(worker_ctx)}"
    told = {"suite.request_id": worker_ctx.data.get(context.REQUEST_ID, "")}
    side = tracing.SERVER if kind == "rpc" else tracing.CONSUMER
    state = worker_ctx.data.get(context.TRACESTATE, "")
    span = tracing.recorder.begin(name, side, parent, told, state)
    worker_ctx.data[context.TRACEPARENT] = span.traceparent
    return span


def _told(data: dict[str, Any]) -> dict[str, Any]:
    """Of events handled together how many they are, and their ids, which no line has but the last."""
    return {"events": data["events"], **data.get(IDS, {})} if data.get("events", 1) > 1 else {}


def _name(worker_ctx: WorkerContext) -> str:
    entrypoint = worker_ctx.entrypoint
    return str(getattr(entrypoint, "shown_as", "") or entrypoint.method_name)


def judge(error: BaseException | None) -> tuple[str, dict[str, str]]:
    """Outcome word and what to log of an error: ok, refused, postponed, rejected or failed."""
    if error is None:
        return "ok", {}
    if isinstance(error, TemporaryFailure | PermanentFailure):
        word = "postponed" if isinstance(error, TemporaryFailure) else "rejected"
        return word, {"reason": error.reason, "detail": error.message}
    if isinstance(error, SuiteError) and not isinstance(error, InternalError):
        return "refused", {"error": type(error).__name__, "code": error.code}
    if isinstance(error, HTTPException) and (error.code or 500) < 500:
        return "refused", {"error": type(error).__name__, "code": str(error.code)}  # the client's fault
    return "failed", {"error": type(error).__name__}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
