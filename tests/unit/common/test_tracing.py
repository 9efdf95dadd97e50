"""Traces while nothing is configured, and what is read from the settings."""

import subprocess
import sys
from typing import Any

import pytest

from common import events, tracing
from common.outbox import Entry, to_message
from tests.suite import ROOT

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
DELETED = events.USER_DELETED


@pytest.fixture
def traced() -> Any:
    token = tracing.current.set(PARENT)
    yield
    tracing.current.reset(token)


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore'); import gateway.service, ops.serve;"
        " from common import config, tracing;"
        " tracing.recorder.start(config.load()['OTEL'], 'gateway');"
        " sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60).returncode == 0


def test_an_event_keeps_the_trace_it_belongs_to_and_passes_it_on(traced: None) -> None:
    payload = DELETED.make("r-1", user_id="u-1")
    message = to_message(Entry(DELETED.source, DELETED.name, payload))
    assert payload[events.TRACEPARENT] == PARENT
    assert message.headers == {"nameko.request_id": "r-1", "nameko.traceparent": PARENT}
    assert DELETED.problem(payload) is None


def test_an_event_of_no_trace_names_none() -> None:
    payload = DELETED.make("r-1", user_id="u-1")
    assert events.TRACEPARENT not in payload
    assert to_message(Entry("users", DELETED.name, payload)).headers == {"nameko.request_id": "r-1"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("authorization=Bearer a=b", {"authorization": "Bearer a=b"}),
        ("X-Tenant = 1 , y=2,", {"x-tenant": "1", "y": "2"}),
    ],
)
def test_headers_are_written_as_opentelemetry_writes_them(text: str, found: dict[str, str]) -> None:
    assert tracing.headers_of(text) == found


@pytest.mark.parametrize("wrong", ["", "x", "00-abc-def-01", "----"])
def test_what_is_no_traceparent_has_no_id(wrong: str) -> None:
    assert tracing.trace_id(wrong) == ""
    assert tracing.trace_id(PARENT) == PARENT[3:35]


@pytest.mark.parametrize(
    ("flags", "is_sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)]
)
def test_whether_a_trace_is_recorded_is_told_by_its_last_bit(flags: str, is_sampled: bool) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-{flags}"
    assert tracing.is_sampled({"traceparent": traceparent}) is is_sampled


def test_what_belongs_to_no_trace_is_not_recorded() -> None:
    assert not tracing.is_sampled({})
    assert not tracing.is_sampled({"traceparent": ""})
