"""Every error survives its way over RPC, and has one status."""

import json

import pytest
from nameko.exceptions import deserialize, serialize
from werkzeug.exceptions import MethodNotAllowed, NotFound, RequestEntityTooLarge

from common import errors, problems
from common.errors import SuiteError


def words(of: type[SuiteError] = SuiteError) -> list[type[SuiteError]]:
    return [found for word in of.__subclasses__() for found in (word, *words(word))]


def test_there_are_words() -> None:
    assert len(words()) >= 11


@pytest.mark.parametrize("word", words())
def test_every_word_has_a_status(word: type[SuiteError]) -> None:
    assert 400 <= problems.STATUS[word] <= 504


def test_no_two_words_share_a_status() -> None:
    assert len(set(problems.STATUS.values())) == len(problems.STATUS)


@pytest.mark.parametrize("word", words())
def test_every_word_stands_on_the_page_that_lists_them(word: type[SuiteError]) -> None:
    assert f"── {word.__name__}" in (errors.__doc__ or "")


@pytest.mark.parametrize("word", words())
@pytest.mark.parametrize("details", [None, {"field": ["One.", "Two."]}, {"retry_after": "3"}])
def test_every_word_arrives_at_the_caller_as_it_was_raised(
    word: type[SuiteError], details: dict[str, object] | None
) -> None:
    raised = word("a_word", "A sentence.", details)
    arrived = deserialize(json.loads(json.dumps(serialize(raised))))
    assert type(arrived) is word
    assert arrived.args == raised.args
    assert (arrived.code, arrived.message, arrived.details) == (raised.code, raised.message, raised.details)


@pytest.mark.parametrize("word", words())
def test_every_word_becomes_a_problem_document(word: type[SuiteError]) -> None:
    response = problems.from_error(word("a_word", "A sentence."), "/api/x", "r-1")
    body = json.loads(response.get_data())
    assert response.status_code == body["status"] == problems.STATUS[word]
    assert response.headers["Content-Type"] == "application/problem+json"
    assert body["code"] == "a_word"
    assert body["detail"] == "A sentence."
    assert (body["instance"], body["request_id"]) == ("/api/x", "r-1")
    assert word.__name__ not in response.get_data().decode().replace(body["title"], "")


def test_a_validation_problem_names_its_fields() -> None:
    error = errors.ValidationFailed("validation_failed", "Wrong.", {"title": ["Too long."]})
    assert json.loads(problems.from_error(error, "/", "r").get_data())["errors"] == {"title": ["Too long."]}


@pytest.mark.parametrize("code", ["invalid_token", "token_expired", "token_revoked"])
def test_a_401_for_a_bad_token_says_so_in_its_challenge(code: str) -> None:
    refused = problems.from_error(errors.Unauthenticated(code, "Bad."), "/", "r")
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    "code", ["missing_token", "invalid_credentials", "invalid_code", "invalid_refresh_token"]
)
def test_a_401_without_a_bad_token_only_asks_for_one(code: str) -> None:
    refused = problems.from_error(errors.Unauthenticated(code, "Log in."), "/", "r")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_too_often_and_not_available_say_when_to_come_back() -> None:
    often = errors.TooManyRequests("rate_limited", "Too often.", {"retry_after": "17"})
    away = errors.Unavailable("unavailable", "Away.")
    assert problems.from_error(often, "/", "r").headers["Retry-After"] == "17"
    assert problems.from_error(away, "/", "r").headers["Retry-After"] == "5"


def test_what_never_reached_an_entrypoint_is_a_problem_too() -> None:
    absent = problems.from_http(NotFound(), "/x", "r")
    refused = problems.from_http(MethodNotAllowed(valid_methods=["GET", "POST"]), "/x", "r")
    assert json.loads(absent.get_data())["code"] == "no_such_route"
    assert refused.headers["Allow"] == "GET, OPTIONS, POST"
    assert problems.from_http(RequestEntityTooLarge(), "/x", "r").status_code == 413


def test_an_internal_error_says_nothing_of_its_cause() -> None:
    assert errors.internal_error().args == errors.internal_error().args
    assert "logged" in errors.internal_error().message
