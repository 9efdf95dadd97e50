"""Conditional requests, as RFC 9110 has them."""

from typing import NoReturn

import pytest

from gateway import etags
from tests.unit.gateway.made_requests import request

TODO = {"id": "1", "version": 3}


def not_asked() -> NoReturn:
    raise AssertionError("the current version was asked for without need")


def test_a_todo_is_shown_with_its_version_as_a_strong_tag() -> None:
    reply = etags.tagged(TODO, 201, Location="/api/todos/1")

    assert reply.status == 201
    assert reply.payload == TODO
    assert reply.headers == {"ETag": '"3"', "Location": "/api/todos/1"}


@pytest.mark.parametrize("known", ['"3"', 'W/"3"', '"1", "3"', 'W/"9",W/"3"', "*", ' "3" '])
def test_a_client_that_has_the_version_gets_no_body(known: str) -> None:
    reply = etags.unless_known(request(If_None_Match=known), TODO)

    assert (reply.status, reply.payload) == (304, None)
    assert reply.headers == {"ETag": '"3"'}


@pytest.mark.parametrize("known", ["", '"2"', 'W/"33"', '"x", "y"', '"'])
def test_a_client_that_has_another_version_gets_the_todo(known: str) -> None:
    assert etags.unless_known(request(If_None_Match=known), TODO).status == 200


def test_without_a_condition_any_version_will_do() -> None:
    assert etags.if_version(request(), not_asked) is None


def test_a_star_asks_for_any_version() -> None:
    assert etags.if_version(request(If_Match=" * "), not_asked) is None


def test_one_tag_asks_for_that_version() -> None:
    assert etags.if_version(request(If_Match='"7"'), not_asked) == 7


@pytest.mark.parametrize("header", ['"1", "3"', '"3","1",  W/"9"'])
def test_of_several_versions_the_current_one_is_asked_for(header: str) -> None:
    assert etags.if_version(request(If_Match=header), lambda: 3) == 3


def test_several_versions_of_which_none_is_current_match_nothing() -> None:
    assert etags.if_version(request(If_Match='"1", "2"'), lambda: 3) == etags.NO_VERSION


@pytest.mark.parametrize(
    "header", ['W/"3"', "", "garbage", '"x"', '"03"', '"-3"', '"0"', '"3.0"', '"', f'"{"9" * 40}"', '"٣"']
)
def test_a_weak_or_malformed_tag_matches_nothing_instead_of_being_ignored(header: str) -> None:
    asked = request()
    asked.environ["HTTP_IF_MATCH"] = header

    assert etags.if_version(asked, not_asked) == etags.NO_VERSION
