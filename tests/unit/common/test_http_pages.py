"""Query strings and pages."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from common import http_pages
from common.errors import BadRequest
from tests.unit.gateway.made_requests import request


def url(path: str) -> str:
    return f"https://todos.example.com{path}"


def page(path: str = "/api/todos", **found: Any) -> Any:
    return http_pages.page(request(path), {"items": [], "next_cursor": None, "total": None, **found}, url)


def test_a_page_is_a_bare_array() -> None:
    reply = page(items=[{"id": "1"}])

    assert reply.status == 200
    assert reply.payload == [{"id": "1"}]


def test_the_last_page_has_no_link_and_an_uncounted_one_no_total() -> None:
    assert page().headers == {}


def test_a_total_of_zero_is_a_total() -> None:
    assert page(total=0).headers == {"X-Total-Count": "0"}


def test_the_next_page_is_an_absolute_link_with_the_same_query_and_the_new_cursor() -> None:
    reply = page("/api/todos?tag=a%26b&limit=2&cursor=old", next_cursor="new==")

    target, _, relation = reply.headers["Link"].partition(">; ")
    link = urlsplit(target.removeprefix("<"))
    assert relation == 'rel="next"'
    assert (link.scheme, link.netloc, link.path) == ("https", "todos.example.com", "/api/todos")
    assert parse_qs(link.query) == {"tag": ["a&b"], "limit": ["2"], "cursor": ["new=="]}


def test_a_hostile_query_can_not_break_out_of_the_link_header() -> None:
    reply = page("/api/todos?q=%3E%3B%20rel%3D%22prev%22%0D%0AX-Evil:%201", next_cursor="c")

    assert reply.headers["Link"].count(">") == 1
    assert "\r" not in reply.headers["Link"]
    assert "\n" not in reply.headers["Link"]


def test_query_parameters_arrive_as_text() -> None:
    assert http_pages.query(request("/?limit=2&q=a+b&empty=")) == {"limit": "2", "q": "a b", "empty": ""}


def test_a_parameter_given_twice_is_refused_by_its_name() -> None:
    with pytest.raises(BadRequest) as refused:
        http_pages.query(request("/?limit=1&limit=2"))

    assert refused.value.code == "repeated_parameter"
    assert "'limit'" in refused.value.message
