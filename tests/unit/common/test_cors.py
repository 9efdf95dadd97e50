"""Cross-origin answers: named origins with credentials, any origin without, nothing for the others."""

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from common.answers import Answer
from common.cors import Cors, parse_origins
from common.request import Request

APP, OTHER = "https://app.example.org", "https://evil.example"
ALLOWED = Cors(parse_origins(f"{APP}, http://localhost:5173"))


def request(origin: str = "", method: str = "GET", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"Origin": origin} if origin else {}
    return Request(EnvironBuilder(path="/api/todos", method=method, headers=named).get_environ())


def preflight(cors: Cors, origin: str) -> Answer | None:
    return cors.preflight(request(origin, "OPTIONS", Access_Control_Request_Method="PATCH"))


def answered(cors: Cors, origin: str = "") -> Response:
    response = Response(status=404)
    cors.apply(request(origin), response)
    return response


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        ("*", {"*"}),
        ("https://App.Example.org/ http://a:80,https://b:443", {APP, "http://a", "https://b"}),
        ("http://b:443, https://[2001:db8::1]:8443", {"http://b:443", "https://[2001:db8::1]:8443"}),
    ],
)
def test_origins_are_compared_as_browsers_write_them(text: str, found: set[str]) -> None:
    assert parse_origins(text) == found


@pytest.mark.parametrize("text", ["null", "example.org", "https://", "ftp://a", "https://a/b", f"* {APP}"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"origin"):
        parse_origins(text)


def test_a_named_origin_may_read_and_send_credentials() -> None:
    headers = answered(ALLOWED, APP).headers

    assert headers["Access-Control-Allow-Origin"] == APP
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert {"ETag", "X-Total-Count", "RateLimit", "Retry-After"} <= set(
        headers["Access-Control-Expose-Headers"].split(", ")
    )


@pytest.mark.parametrize(
    "origin", ["", OTHER, "null", f"{APP}.evil.example", "https://app.example.org:8443", "*"]
)
def test_no_other_origin_is_told_anything_and_caches_are_warned(origin: str) -> None:
    headers = answered(ALLOWED, origin).headers

    assert headers["Vary"] == "Origin"
    assert not [name for name, _ in headers if name.startswith("Access-Control")]


def test_any_origin_never_comes_with_credentials() -> None:
    headers = answered(Cors(parse_origins("*")), OTHER).headers

    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers
    assert "Vary" not in headers


def test_a_page_s_question_before_a_call_is_answered_here() -> None:
    answer = preflight(ALLOWED, APP)

    assert answer is not None
    assert answer.status_code == 204
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert int(answer.headers["Access-Control-Max-Age"]) > 600


@pytest.mark.parametrize("cors", [ALLOWED, Cors(frozenset())])
def test_other_pages_questions_and_plain_options_are_not(cors: Cors) -> None:
    assert preflight(cors, OTHER) is None
    assert preflight(cors, "") is None
    assert cors.preflight(request(APP, "OPTIONS")) is None
    assert cors.preflight(request(APP, "GET", Access_Control_Request_Method="GET")) is None


def test_what_an_answer_varies_by_already_is_kept() -> None:
    response = Response(headers={"Vary": "Accept-Language"})
    ALLOWED.apply(request(APP), response)

    assert set(response.vary) == {"Accept-Language", "Origin"}


def test_without_a_list_nothing_is_said() -> None:
    assert answered(Cors(frozenset()), APP).headers == Response(status=404).headers
