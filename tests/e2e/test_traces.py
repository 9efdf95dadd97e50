"""One trace from an HTTP request to SMTP, as a collector receives it."""

import uuid
from collections.abc import Callable

import requests

from tests.collector import Collector, Span
from tests.e2e.client import Client

Eventually = Callable[[Callable[[], bool]], None]
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5


def begin() -> tuple[str, str, dict[str, str]]:
    """A trace that a client has begun and wants to be recorded: its id, its span's, and the header."""
    trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    return trace_id, span_id, {"traceparent": f"00-{trace_id}-{span_id}-01"}


def way_up(spans: list[Span], span: Span) -> list[str]:
    """The names from a span to the outermost one."""
    by_id = {one.span_id: one for one in spans}
    found = [f"{span.service}: {span.name}"]
    while span.parent_id in by_id:
        span = by_id[span.parent_id]
        found.append(f"{span.service}: {span.name}")
    return found


def test_a_todo_is_one_trace_from_the_request_to_the_mail_server(
    ada: Client, collector: Collector, eventually: Eventually
) -> None:
    trace_id, span_id, header = begin()
    state = {"tracestate": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}
    answer = ada.post("/api/todos", {"title": "Trace me"}, headers=header | state)
    assert answer.status_code == 201

    def sent() -> list[Span]:
        return [one for one in collector.of(trace_id) if one.name == "smtp send"]

    eventually(lambda: bool(sent()) and any(one.parent_id == span_id for one in collector.of(trace_id)))
    eventually(lambda: way_up(collector.of(trace_id), sent()[0])[-1] == "gateway: POST /api/todos")
    spans = collector.of(trace_id)
    assert way_up(spans, sent()[0]) == [
        "notifications: smtp send",
        "notifications: notifications.handle_notification_requested",
        "messaging: publish notification_requested",
        "messaging: messaging.handle_todo_created",
        "todos: publish todo_created",
        "todos: todos.create",
        "gateway: todos.create",
        "gateway: POST /api/todos",
    ]
    (request,) = (one for one in spans if one.parent_id == span_id)
    assert request.kind == SERVER
    assert request.attributes["http.response.status_code"] == 201
    assert any(one.service == "todos" and one.name == "mongodb" and one.kind == CLIENT for one in spans)
    assert not any(one.failed for one in spans)
    assert {one.state for one in spans} == set(state.values())


def test_the_lines_of_the_log_name_the_trace(
    ada: Client, suite_logs: Callable[[], str], eventually: Eventually
) -> None:
    trace_id, _, header = begin()
    ada.get("/api/todos", headers=header)

    def told(word: str) -> bool:
        return any(word in line for line in suite_logs().splitlines() if trace_id in line)

    eventually(lambda: told('"http_handled"') and told('"todos.list"'))


def test_by_a_trace_or_a_request_the_log_shows_the_whole_way_to_the_mail_and_back(
    ada: Client, suite_logs: Callable[[], str], eventually: Eventually
) -> None:
    trace_id, _, header = begin()
    request_id = ada.post("/api/todos", {"title": "Follow me"}, headers=header).headers["X-Request-Id"]
    way = [
        ('"http_handled"', "/api/todos"), ('"rpc_handled"', "todos.create"),
        ('"message_published"', "todo_created"), ('"event_handled"', "messaging.handle_todo_created"),
        ('"message_published"', "notification_requested"), ('"mail_sent"', ""),
        ('"message_published"', "notification_sent"), ('"event_handled"', "handle_notification_sent"),
    ]  # fmt: skip

    def shown(wanted: str) -> bool:
        lines = [line for line in suite_logs().splitlines() if wanted in line]
        return all(any(event in line and word in line for line in lines) for event, word in way)

    eventually(lambda: shown(trace_id))
    eventually(lambda: shown(request_id))


def test_a_request_that_asks_for_no_recording_is_not_recorded(
    ada: Client, collector: Collector, eventually: Eventually
) -> None:
    silent, _, header = begin()
    ada.get("/api/todos", headers={"traceparent": header["traceparent"][:-2] + "00"})
    later, _, header = begin()
    ada.get("/api/todos", headers=header)
    eventually(lambda: bool(collector.of(later)))
    assert collector.of(silent) == []


def test_a_header_that_is_none_and_health_checks_begin_no_trace_and_harm_nobody(
    ada: Client, collector: Collector, eventually: Eventually
) -> None:
    for wrong in ("00-zz-1-01", "x" * 400, "00-" + "0" * 32 + "-" + "0" * 16 + "-01", ""):
        assert ada.get("/api/todos", headers={"traceparent": wrong}).status_code == 200
    spoiled, _, header = begin()
    assert ada.get("/api/todos", headers=header | {"tracestate": "no = state, ;"}).status_code == 200
    eventually(lambda: bool(collector.of(spoiled)))
    assert {one.state for one in collector.of(spoiled)} == {""}
    checked, _, header = begin()
    requests.get(f"{ada.base_url}/health", headers=header, timeout=5)
    later, _, header = begin()
    ada.get("/api/todos", headers=header)
    eventually(lambda: bool(collector.of(later)))
    assert not [one for one in collector.of(checked) if one.kind == SERVER and one.service == "gateway"]


def test_what_fails_is_marked_as_failed_with_its_word(
    ada: Client, collector: Collector, eventually: Eventually
) -> None:
    trace_id, _, header = begin()
    assert ada.get(f"/api/todos/{uuid.uuid4()}", headers=header).status_code == 404
    eventually(lambda: len(collector.of(trace_id)) >= 3)
    failed = {(one.service, one.name) for one in collector.of(trace_id) if one.failed}
    assert failed == {("gateway", "todos.get"), ("todos", "todos.get")}


def test_the_collector_is_told_who_sends(ada: Client, collector: Collector, eventually: Eventually) -> None:
    trace_id, _, header = begin()
    ada.get("/api/todos", headers=header)
    eventually(lambda: bool(collector.of(trace_id)))
    assert collector.headers[-1]["x-tenant"] == "tests"
