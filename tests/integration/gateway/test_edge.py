"""What the gateway answers by itself, before any service is asked."""

import time
from typing import Any

import pytest
import requests

from tests.conftest import SECRET
from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token

MEBIBYTE = 1 << 20
SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def problem(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, whose every field is checked."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(body)
    assert body["status"] == status
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text
    return body


def test_an_unknown_path_is_a_problem_document(anyone: Client) -> None:
    body = problem(anyone.get("/nothing/here"), 404, "no_such_route")

    assert body["instance"] == "/nothing/here"


@pytest.mark.parametrize("path", ["//api//todos", "/api", "/healthy", "/todos/a/b/c", "/%00"])
def test_paths_that_only_resemble_a_route_are_not_found(anyone: Client, path: str) -> None:
    problem(anyone.get(path), 404, "no_such_route")


@pytest.mark.parametrize("path", ["/api/todos?q=%ff", "/docs?%ff", "/api/todos/%ff", "/nothing/%e4%b8"])
def test_an_address_that_is_no_utf_8_can_not_be_read(ada: Client, path: str) -> None:
    body = problem(ada.get(path), 400, "malformed_request")

    assert body["detail"] == "The address is not valid UTF-8."


def test_a_method_that_a_path_does_not_have_is_answered_with_those_it_has(anyone: Client) -> None:
    answer = anyone.put("/api/todos")

    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


def test_options_tells_the_methods_of_a_path(anyone: Client) -> None:
    answer = anyone.call("OPTIONS", "/api/todos/1")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


def test_head_is_get_without_the_body(anyone: Client) -> None:
    head, get = anyone.call("HEAD", "/"), anyone.get("/")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_the_index_leads_to_the_resources(anyone: Client) -> None:
    body = anyone.get("/").json()

    assert body["links"]["todos"] == f"{anyone.base_url}/api/todos"


@pytest.mark.parametrize("path", ["/api/todos", "/todos", "/api/users/me", "/users/me", "/api/auth/sessions"])
def test_without_a_token_nobody_gets_in(anyone: Client, path: str) -> None:
    answer = anyone.get(path)

    problem(answer, 401, "missing_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"exp": int(time.time()) - 60}, "token_expired"),
        ({"secret": SECRET[::-1]}, "invalid_token"),
        ({"aud": "another"}, "invalid_token"),
        ({"iss": "another"}, "invalid_token"),
        ({"typ": "JWT"}, "invalid_token"),
        ({"sid": None}, "invalid_token"),
    ],
)
def test_a_bad_token_says_that_it_is_one(
    anyone: Client, token: Token, faults: dict[str, Any], code: str
) -> None:
    answer = Client(anyone.base_url, token(**faults)).get("/api/todos")

    problem(answer, 401, code)
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/users"),
        ("GET", "/users"),
        ("POST", "/api/messages"),
        ("GET", "/api/messages"),
        ("GET", "/api/messages/queues"),
        ("GET", "/api/messages/1"),
    ],
)
def test_what_is_for_administrators_is_closed_to_users(ada: Client, method: str, path: str) -> None:
    problem(ada.call(method, path), 403, "admin_only")


@pytest.mark.parametrize(
    "body", ['{"title":', "{'title': 1}", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 40 + "]" * 40, '"\\ud800"']
)
def test_a_body_that_is_no_json_is_refused(ada: Client, body: str) -> None:
    headers = {"Content-Type": "application/json"}

    problem(ada.call("POST", "/api/todos", data=body, headers=headers), 400, "malformed_json")


@pytest.mark.parametrize(
    "body", [b'"\xff"', b'{"a": "\xc3("}', b"\xef\xbb\xbf{}", b"[" * 10_000, b'{"a":' * 10_000]
)
def test_bytes_that_are_no_text_and_depth_without_end_are_refused(ada: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    problem(ada.call("POST", "/api/todos", data=body, headers=headers), 400, "malformed_json")


def test_an_empty_body_is_refused_where_one_is_needed(ada: Client) -> None:
    problem(ada.call("POST", "/api/todos"), 400, "malformed_json")


def test_a_body_of_another_type_is_refused(ada: Client) -> None:
    problem(ada.call("POST", "/api/todos", data={"title": "Buy milk"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "type"),
    [
        ("PATCH", "application/json-patch+json"),
        ("POST", "application/merge-patch+json"),
        ("POST", "application/json; charset=latin-1"),
    ],
)
def test_a_kind_of_json_that_is_not_meant_is_refused(ada: Client, method: str, type: str) -> None:
    path = "/api/todos" if method == "POST" else "/api/todos/6b02fcd1a1bcd8d6478e2d41"
    answer = ada.call(method, path, data=b"[]", headers={"Content-Type": type})
    problem(answer, 415, "unsupported_media_type")


def test_all_todos_are_not_deleted_where_some_are_meant(ada: Client) -> None:
    problem(ada.delete("/api/todos?status=completed"), 422, "validation_failed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/todos/stats"), ("GET", "/todos/6b02fcd1a1bcd8d6478e2d41"), ("GET", "/api/users/me"),
        ("GET", "/api/auth/sessions"), ("PATCH", "/api/todos/6b02fcd1a1bcd8d6478e2d41"),
    ],
)  # fmt: skip
def test_parameters_that_nothing_reads_are_refused(ada: Client, method: str, path: str) -> None:
    answer = ada.call(
        method, f"{path}?limit=1&color=", data=b"{}", headers={"Content-Type": "application/json"}
    )

    told = ["Unknown or read-only field."]
    assert problem(answer, 422, "validation_failed")["errors"] == {"limit": told, "color": told}


@pytest.mark.parametrize("path", ["/", "/health/live", "/metrics", "/openapi.json", "/.well-known/jwks.json"])
def test_pages_probes_and_documents_do_not_mind_parameters(anyone: Client, path: str) -> None:
    assert anyone.get(f"{path}?v=1").status_code == 200


def test_who_accepts_no_json_is_told_that_there_is_nothing_else(ada: Client) -> None:
    problem(ada.get("/api/todos", headers={"Accept": "text/html"}), 406, "not_acceptable")


def test_who_accepts_json_with_a_parameter_gets_it(anyone: Client) -> None:
    answer = anyone.get("/health/live", headers={"Accept": "text/plain, application/json; charset=utf-8"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_a_mebibyte_is_refused(ada: Client, chunked: bool) -> None:
    body = b'"' + b"a" * (8 * MEBIBYTE) + b'"'
    data = iter([body[: 4 * MEBIBYTE], body[4 * MEBIBYTE :]]) if chunked else body
    answer = ada.call("POST", "/api/todos", data=data, headers={"Content-Type": "application/json"})

    problem(answer, 413, "body_too_large")
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_exactly_a_mebibyte_is_taken(ada: Client, chunked: bool) -> None:
    body = b'"' + b"a" * (MEBIBYTE - 2) + b'"'
    data = iter([body]) if chunked else body
    answer = ada.call("POST", "/api/todos", data=data, headers={"Content-Type": "application/json"})

    problem(answer, 503, "unavailable")


def test_a_parameter_given_twice_is_refused(ada: Client) -> None:
    problem(ada.get("/api/todos?limit=1&limit=2"), 400, "repeated_parameter")


def test_a_clients_request_id_comes_back(anyone: Client) -> None:
    answer = anyone.get("/", headers={"X-Request-ID": "my-id:1.2_3"})

    assert answer.headers["X-Request-ID"] == "my-id:1.2_3"


@pytest.mark.parametrize("given", ["", "with space", "a" * 129, "<script>"])
def test_a_request_id_that_is_not_sane_is_replaced(anyone: Client, given: str) -> None:
    answer = anyone.get("/", headers={"X-Request-ID": given})

    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/nope"), ("PUT", "/"), ("OPTIONS", "/"), ("GET", "/todos"), ("GET", "/metrics")],
)
def test_every_answer_carries_the_security_headers(anyone: Client, method: str, path: str) -> None:
    headers = anyone.call(method, path).headers

    assert {name: headers[name] for name in SECURITY} == SECURITY
    assert headers["X-Request-ID"]
    assert "Server" not in headers


def test_made_up_methods_do_not_become_metrics(anyone: Client) -> None:
    problem(anyone.call("MADEUP", "/"), 405, "method_not_allowed")

    assert "MADEUP" not in anyone.get("/metrics").text


def test_a_service_that_is_down_is_a_503_with_retry_after(ada: Client) -> None:
    answer = ada.get("/todos")

    assert problem(answer, 503, "unavailable")["instance"] == "/api/todos"
    assert answer.headers["Retry-After"] == "5"


def test_a_service_that_is_silent_past_the_deadline_is_a_504(silent_todos: None, ada: Client) -> None:
    def called() -> tuple[requests.Response, float]:
        started = time.monotonic()
        return ada.get("/todos"), time.monotonic() - started

    answer, seconds = called()
    while answer.status_code == 503:  # refused at once, since it was down before
        assert seconds < 1
        time.sleep(0.1)
        answer, seconds = called()
    assert problem(answer, 504, "deadline_exceeded")["instance"] == "/api/todos"
    assert 1.5 < seconds < 3
