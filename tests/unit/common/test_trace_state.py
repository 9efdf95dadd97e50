"""The second header of W3C Trace Context: what is passed on, within which limits, and with what."""

import pytest
from werkzeug.test import EnvironBuilder

from common import context, events, tracing
from common.outbox import Entry, to_message
from common.request import Request, context_of
from common.trace_state import cleaned

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STATE = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "passed_on"),
    [
        (STATE, STATE),
        ("congo=t61rcWkgMzE , rojo=00f067aa0ba902b7,,\t", STATE),
        ("fw529a3039@dt=FfX==", ""),  # a value has no equals sign
        ("fw529a3039@dt=x y!", "fw529a3039@dt=x y!"),
        ("a@b=1,0@b=2,a=3", "a@b=1,0@b=2,a=3"),
        (",".join(f"k{number}=v" for number in range(32)), ",".join(f"k{number}=v" for number in range(32))),
        (f"a={'x' * 256}", f"a={'x' * 256}"),
    ],
)
def test_what_is_well_formed_goes_on_as_it_came(header: str, passed_on: str) -> None:
    assert cleaned(header) == passed_on


@pytest.mark.parametrize(
    "header",
    [
        "", ",", "a", "=1", "a=", "A=1", "0=1", "a=1,a=2", "a=\x7f", "a=ü", "a b=1", "a=1,b",
        "a@=1", "@a=1", f"a={'x' * 257}", f"{'a' * 257}=1", ",".join(f"k{number}=v" for number in range(33)),
        "," * 100_000,
    ],
)  # fmt: skip
def test_what_is_malformed_is_dropped(header: str) -> None:
    assert cleaned(header) == ""


def test_of_what_is_too_long_long_members_go_first_and_then_the_oldest() -> None:
    long, short = f"long={'x' * 124}", [f"k{number:02d}={'x' * 36}" for number in range(14)]
    assert len(long) == 129
    assert cleaned(",".join([*short[:4], long, *short[4:]])) == ",".join(short[:12])
    assert len(",".join(short[:12])) <= 512 < len(",".join(short[:13]))
    assert cleaned(",".join([*short[:5], long])) == ",".join([*short[:5], long])


def asked_with(**headers: str) -> dict[str, str]:
    """The context of a request with these headers, as the server makes it."""
    environ = EnvironBuilder(headers=headers).get_environ()
    request = Request(environ)
    request.traceparent = environ.get("HTTP_TRACEPARENT", "")
    request.tracestate = tracing.state_of(environ.get("HTTP_TRACESTATE", ""), request.traceparent)
    return {key: value for key, value in context_of(request).items() if key.startswith("trace")}


def test_a_request_s_state_goes_with_its_parent_and_never_without() -> None:
    assert asked_with(traceparent=PARENT, tracestate=STATE) == {"traceparent": PARENT, "tracestate": STATE}
    assert asked_with(traceparent=PARENT, tracestate="no state") == {"traceparent": PARENT}
    assert asked_with(traceparent=PARENT) == {"traceparent": PARENT}
    assert asked_with(traceparent="nonsense", tracestate=STATE) == {"traceparent": "nonsense"}
    assert asked_with(tracestate=STATE) == {}


def test_calls_and_events_of_a_worker_carry_it_on_in_the_headers_that_stock_nameko_reads() -> None:
    data = {"request_id": "r-1", "traceparent": PARENT, "tracestate": STATE}
    assert context.outgoing(data, context.CALL_KEYS) == data
    sent = context.spelled_out(data)
    assert sent["nameko.tracestate"] == STATE
    assert context.received(sent) == context.received(context.packed(data)) == data

    tracing.enter(data)
    payload = events.USER_DELETED.make("r-1", user_id="u-1")
    tracing.enter({"request_id": "r-2"})
    assert (payload["traceparent"], payload["tracestate"]) == (PARENT, STATE)
    assert to_message(Entry("users", "user_deleted", payload)).headers == sent
    assert events.USER_DELETED.problem(payload) is None
    assert tracing.here() == {}
    assert not {"traceparent", "tracestate"} & events.USER_DELETED.make("r-2", user_id="u-2").keys()


def test_an_event_that_belongs_to_an_older_trace_takes_nothing_from_the_present_one() -> None:
    here = {"id": 1, "traceparent": PARENT, "tracestate": STATE}
    other = PARENT.replace("0af7", "1bf7")
    assert events.belonging_to(here, {"traceparent": other}) == {"id": 1, "traceparent": other}
    assert events.belonging_to(here, {}) == here


def test_a_span_is_given_the_state_by_opentelemetry_s_own_propagator() -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    recorder = tracing.Recorder()
    recorder.__dict__ |= {
        "_tracer": TracerProvider().get_tracer("test"), "_kinds": list(SpanKind),
        "_parent_of": TraceContextTextMapPropagator().extract,
    }  # fmt: skip
    made = recorder.begin("x", tracing.SERVER, PARENT, state=STATE)
    assert (made.state, made.traceparent[:36]) == (STATE, PARENT[:36])
    assert recorder.begin("x", tracing.SERVER, PARENT).state == ""
    assert recorder.begin("x", tracing.SERVER, f"00-{'0' * 32}-{'1' * 16}-01", state=STATE).state == ""
