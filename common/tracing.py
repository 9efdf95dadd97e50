"""Traces by OpenTelemetry: one from an HTTP request over calls and events to SMTP.

Where a trace goes is told by ``traceparent`` (W3C): it comes with a request, travels in the worker's context
with calls and in the envelope of events, and is kept in the outbox with them, as is the ``tracestate`` that
came with it. A trace begins at the HTTP edge; everywhere else it is only gone on with.

Spans are made while ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set. Without it nothing of OpenTelemetry is imported,
and what is left of this module is one look at ``recorder.is_on`` at each place. Parents are handed over in
words: what OpenTelemetry keeps as current would have to follow every green thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider

from common import VERSION, trace_state
from common.context import TRACEPARENT, TRACESTATE
from common.logging import get_logger, instance

log = get_logger()
current: ContextVar[str] = ContextVar("traceparent", default="")
"""Where the work of this green thread belongs; empty for what belongs to no trace."""
_state: ContextVar[str] = ContextVar("tracestate", default="")
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(5)
"""As OpenTelemetry numbers them (``SpanKind``)."""
_BATCH, _WAITING, _PAUSE_MS = 128, 8192, 1000
_SAMPLED = frozenset("13579bdf")
"""The last digit of a ``traceparent`` whose last bit is set (W3C Trace Context, section 3.2.2.5.1)."""
_EXPORT_SECONDS, _FLUSH_SECONDS = 3, 3


class Span:
    """A piece of work, from its beginning to :meth:`end`."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: Any) -> None:
        self._span = span
        found = span.get_span_context()
        self.traceparent = f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"

    @property
    def state(self) -> str:
        """Its ``tracestate``."""
        return str(self._span.get_span_context().trace_state.to_header())

    def rename(self, name: str, attributes: dict[str, Any]) -> None:
        """Say what it was, as far as that is known later."""
        self._span.update_name(name)
        self._span.set_attributes(attributes)

    def end(self, error: str = "") -> None:
        """It is over; ``error`` in a word, if it has failed."""
        if error:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


class Recorder:
    """What makes spans and sends them, once it is started."""

    is_on = False
    _provider: Any
    _tracer: Any
    _parent_of: Any
    _kinds: list[Any]

    def start(self, settings: dict[str, Any], service: str) -> None:
        """Send spans in the name of ``service``, unless no endpoint is set or that is done already."""
        if not settings["endpoint"] or self.is_on:
            return
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        who = {"service.name": service, "service.version": VERSION, "service.instance.id": instance()}
        sampler = ParentBased(TraceIdRatioBased(float(settings["share"])))
        self._provider = TracerProvider(sampler, Resource(who), shutdown_on_exit=False)
        self._provider.add_span_processor(_processor(settings))
        self._tracer = self._provider.get_tracer("suite", VERSION)
        self._parent_of, self._kinds = TraceContextTextMapPropagator().extract, list(SpanKind)
        self.is_on = True
        log.info("tracing_started", endpoint=settings["endpoint"])

    def begin(
        self, name: str, kind: int, parent: str, attributes: dict[str, Any] | None = None, state: str = ""
    ) -> Span:
        """A span below ``parent``, or of a new trace without one; to be called while this is on."""
        context = self._parent_of(_named(parent, state)) if parent else None
        return Span(self._tracer.start_span(name, context, kind=self._kinds[kind], attributes=attributes))

    def flush(self) -> None:
        """Send what is left; a collector that is away holds up nobody for long."""
        if self.is_on:
            with eventlet.Timeout(_FLUSH_SECONDS, False):
                self._provider.force_flush(_FLUSH_SECONDS * 1000)


recorder = Recorder()


def enter(data: dict[str, Any]) -> str:
    """Work for the trace that a worker's context names, in this green thread; the ``traceparent``."""
    traceparent: str = data.get(TRACEPARENT, "")
    current.set(traceparent)
    _state.set(data.get(TRACESTATE, ""))
    return traceparent


def is_sampled(data: dict[str, Any]) -> bool:
    """Whether the trace that a worker's context names is one of those that are recorded."""
    return data.get(TRACEPARENT, "")[-1:] in _SAMPLED


def here() -> dict[str, str]:
    """What names the trace of this green thread to others; empty if it works for none."""
    traceparent = current.get()
    return _named(traceparent, _state.get()) if traceparent else {}


def state_of(header: str, traceparent: str) -> str:
    """What of a ``tracestate`` is passed on; nothing without the ``traceparent`` that it belongs to."""
    return trace_state.cleaned(header) if header and trace_id(traceparent) else ""


def _named(traceparent: str, state: str) -> dict[str, str]:
    return {TRACEPARENT: traceparent, TRACESTATE: state} if state else {TRACEPARENT: traceparent}


@contextmanager
def below(name: str, parent: str) -> Iterator[None]:
    """What this process asks of somebody else; a span if it belongs to a trace."""
    if not recorder.is_on or not parent:
        yield
        return
    span = recorder.begin(name, CLIENT, parent, state=_state.get())
    error = ""
    try:
        yield
    except BaseException as problem:
        error = type(problem).__name__
        raise
    finally:
        span.end(error)


class Tracing(DependencyProvider):
    """Makes spans from the start of a process to its end, if it is configured; injects nothing."""

    def setup(self) -> None:
        """Begin."""
        recorder.start(self.container.config["OTEL"], self.container.service_name)

    def stop(self) -> None:
        """Send what is left."""
        recorder.flush()


def _processor(settings: dict[str, Any]) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    url = f"{settings['endpoint'].rstrip('/')}/v1/traces"
    exporter = OTLPSpanExporter(url, headers=headers_of(settings["headers"]), timeout=_EXPORT_SECONDS)
    # Its thread is a green one: it waits for the collector beside all others, and batches are small, since
    # writing one down holds up everybody.
    return BatchSpanProcessor(exporter, _WAITING, _PAUSE_MS, _BATCH)


def headers_of(text: str) -> dict[str, str]:
    """``name=value,name=value`` as OpenTelemetry writes them."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def trace_id(traceparent: str) -> str:
    """The trace's id in a ``traceparent``; empty for what is none."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else ""
