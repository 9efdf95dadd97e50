"""The gateway's door as clients meet it: guesses are stopped, pages of named origins let in."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.client import PASSWORD, Client, new_email
from tests.e2e.conftest import PAGE

ALLOWED = 10


def guess(client: Client, email: str, password: str = "not this one") -> requests.Response:
    return client.post("/api/auth/login", {"email": email, "password": password})


def used_up(client: Client, email: str) -> requests.Response:
    """The refusal that follows the guesses that are allowed."""
    answers = [guess(client, email) for _ in range(ALLOWED)]
    assert [one.status_code for one in answers] == [401] * ALLOWED
    return guess(client, email)


def test_guesses_are_stopped_for_a_while_and_the_right_password_works_again(anyone: Client) -> None:
    ada, bob = anyone.register(), anyone.register()
    refused = used_up(anyone, ada.user["email"].upper())

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 5
    assert '"login";q=10;w=5' in refused.headers["RateLimit-Policy"]
    assert guess(anyone, ada.user["email"], PASSWORD).status_code == 429
    assert bob.login().token
    time.sleep(int(guess(anyone, ada.user["email"]).headers["Retry-After"]))
    assert ada.login().token


def test_only_documents_and_the_app_may_be_kept_by_a_cache_that_others_share(admin: Client) -> None:
    paths = [path for path, methods in admin.get("/openapi.json").json()["paths"].items() if "get" in methods]
    found = {path: admin.get(path).headers["Cache-Control"] for path in paths}

    assert {path for path, said in found.items() if said != "no-store"} <= {
        "/openapi.json", "/asyncapi.json", "/docs", "/docs/{asset}", "/verify-email", "/reset-password",
    }  # fmt: skip
    assert found["/openapi.json"] == "public, max-age=300"
    assert admin.post("/api/todos", {"title": "Mine"}).headers["Cache-Control"] == "no-store"


def test_what_is_long_comes_compressed_and_what_carries_tokens_does_not(ada: Client) -> None:
    ada.call("PATCH", "/api/users/me", json={"name": "a" * 100})
    for number in range(10):
        ada.todo(title=f"Todo {number}", description="the same again, " * 20)
    todos = ada.get("/api/todos", headers={"Accept-Encoding": "gzip"})
    login = guess(ada, ada.user["email"], PASSWORD)

    assert (todos.headers["Content-Encoding"], len(todos.json())) == ("gzip", 10)
    assert int(todos.headers["Content-Length"]) < len(todos.content) / 4
    assert login.status_code == 200
    assert "Content-Encoding" not in login.headers


def test_an_account_that_does_not_exist_is_guarded_alike(anyone: Client) -> None:
    refused = used_up(anyone, new_email())

    assert refused.status_code == 429


def test_guesses_at_the_same_moment_are_no_more(anyone: Client) -> None:
    email = anyone.register().user["email"]
    with ThreadPoolExecutor(30) as pool:
        found = [one.status_code for one in pool.map(lambda _: guess(anyone, email), range(30))]

    assert sorted(found) == [401] * ALLOWED + [429] * 20


def test_logins_that_succeed_are_not_counted(anyone: Client) -> None:
    ada = anyone.register()
    for _ in range(3 * ALLOWED):
        answer = guess(anyone, ada.user["email"], PASSWORD)
        assert answer.status_code == 200, answer.text


def test_a_hundred_people_of_one_address_register_and_log_in(anyone: Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        people = list(pool.map(lambda _: anyone.register().login(), range(100)))

    assert len({one.user["id"] for one in people}) == 100


def test_users_are_told_what_is_left(ada: Client) -> None:
    first, second = ada.get("/api/todos"), ada.get("/todos")

    assert int(first.headers["RateLimit-Limit"]) - int(first.headers["RateLimit-Remaining"]) >= 1
    assert int(second.headers["RateLimit-Remaining"]) == int(first.headers["RateLimit-Remaining"]) - 1
    assert 1 <= int(second.headers["RateLimit-Reset"]) <= 60


def test_a_page_of_a_named_origin_asks_and_calls(ada: Client) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = Client(ada.base_url).call("OPTIONS", "/api/todos", headers={"Origin": PAGE, **asked})
    answer = ada.post("/api/todos", {"title": "From a page"}, headers={"Origin": PAGE})

    assert preflight.status_code == 204
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert answer.status_code == 201
    for one in (preflight, answer):
        assert one.headers["Access-Control-Allow-Origin"] == PAGE
        assert one.headers["Access-Control-Allow-Credentials"] == "true"
    assert {"Location", "ETag"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_page_of_another_origin_may_not_read(ada: Client, origin: str) -> None:
    answer = ada.get("/api/todos", headers={"Origin": origin})

    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in answer.headers
