"""What bad input gets: the contract's status, a clear problem document, and no change."""

import json
from typing import Any

import jwt
import pytest

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client, new_email
from tests.suite import Suite

JSON = {"Content-Type": "application/json"}
UNREADABLE = {
    "no JSON": b"title=milk",
    "empty": b"",
    "cut off": b'{"title": "mil',
    "NaN": b'{"title": "x", "order": NaN}',
    "a key twice": b'{"title": "x", "title": "y"}',
    "bad UTF-8": b'{"title": "\xff"}',
    "a lone surrogate": b'{"title": "\\ud800"}',
    "too deep": b'{"title": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "an encoded value": b'{"title": {"__type__": "datetime", "__value__": "x"}}',
}
WRONG: dict[str, tuple[Any, str]] = {
    "an array": ([1, 2], "_schema"),
    "null": (None, "_schema"),
    "a title of the wrong type": ({"title": 5}, "title"),
    "a title that is missing": ({}, "title"),
    "a title of blanks": ({"title": "   "}, "title"),
    "a title that is too long": ({"title": "x" * 201}, "title"),
    "a control character": ({"title": "a\u0000b"}, "title"),
    "a description that is too long": ({"title": "x", "description": "d" * 10_001}, "description"),
    "a status that is none": ({"title": "x", "status": "done"}, "status"),
    "a completed that is no boolean": ({"title": "x", "completed": "yes"}, "completed"),
    "a priority that is none": ({"title": "x", "priority": 1}, "priority"),
    "a time without its offset": ({"title": "x", "due_at": "2026-01-01T00:00:00"}, "due_at"),
    "too many tags": ({"title": "x", "tags": [str(n) for n in range(21)]}, "tags"),
    "an order that is no integer": ({"title": "x", "order": 1.5}, "order"),
    "a huge order": ({"title": "x", "order": 10**30}, "order"),
    "an unknown field": ({"title": "x", "color": "red"}, "color"),
    "a read-only field": ({"title": "x", "user_id": "me"}, "user_id"),
    "an operator": ({"title": {"$gt": ""}}, "title"),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_body_that_can_not_be_read_is_a_bad_request(ada: Client, body: bytes) -> None:
    answer = ada.call("POST", "/api/todos", data=body, headers=JSON)

    _is_problem(answer, 400)
    assert ada.get("/api/todos").json() == []


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_body_that_is_wrong_is_told_by_field(ada: Client, body: Any, field: str) -> None:
    answer = ada.call("POST", "/api/todos", data=json.dumps(body), headers=JSON)

    problem = _is_problem(answer, 422)
    assert any(name == field or name.startswith(f"{field}.") for name in problem["errors"])
    assert ada.get("/api/todos").json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/restore")],
)
def test_an_id_that_is_none_and_a_foreign_one_are_not_found(
    ada: Client, bob: Client, method: str, path: str
) -> None:
    todo = ada.todo()
    ids = ("nonsense", "f" * 24, "%24ne", "..%2f", "a" * 300, todo["id"])
    answers = [bob.call(method, f"/api/todos/{todo_id}{path}", json={"title": "mine now"}) for todo_id in ids]

    for answer in answers:
        _is_problem(answer, 404)
    assert ada.get(f"/api/todos/{todo['id']}").json() == todo


def test_a_body_over_one_mebibyte_is_refused_whether_its_length_is_told_or_not(ada: Client) -> None:
    large = b'{"title": "' + b"x" * 1_100_000 + b'"}'

    def in_chunks() -> Any:
        yield from (large[start : start + 65536] for start in range(0, len(large), 65536))

    _is_problem(ada.call("POST", "/api/todos", data=large, headers=JSON), 413)
    _is_problem(ada.call("POST", "/api/todos", data=in_chunks(), headers=JSON), 413)
    assert ada.get("/api/todos").json() == []


def test_a_chunked_body_is_read(ada: Client) -> None:
    answer = ada.call("POST", "/api/todos", data=iter([b'{"title"', b': "milk"}']), headers=JSON)

    assert answer.status_code == 201


def test_form_data_is_an_unsupported_media_type(ada: Client) -> None:
    _is_problem(ada.call("POST", "/api/todos", data={"title": "x"}), 415)


def test_an_answer_in_another_type_is_not_acceptable(ada: Client) -> None:
    _is_problem(ada.get("/api/todos", headers={"Accept": "text/csv"}), 406)


def test_an_unknown_path_and_a_wrong_method_are_problem_documents(anyone: Client) -> None:
    _is_problem(anyone.get("/api/nothing"), 404)
    refusal = anyone.call("PUT", "/api/auth/login")

    _is_problem(refusal, 405)
    assert refusal.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "sort=color", "status=done", "cursor=abc", "due_before=now", "x=1",
     "count=maybe", "limit=1&limit=2"],
)  # fmt: skip
def test_a_query_that_is_wrong_is_refused(ada: Client, query: str) -> None:
    assert ada.get(f"/api/todos?{query}").status_code in (400, 422)


def _token(**changes: Any) -> str:
    import time

    now = int(time.time())
    claims = {"sub": "u", "role": "admin", "sid": "s", "jti": "j", "iss": "auth", "aud": "suite", "iat": now,
              "exp": now + 60, **changes}  # fmt: skip
    return jwt.encode(
        claims, "another secret that is quite as long as the right one", "HS256", {"typ": "at+jwt"}
    )


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "é",
        _token(),
        jwt.encode({"sub": "u", "role": "admin"}, "", "none"),
        "x" * 4000,
    ],
    ids=["none", "nonsense", "three parts", "not ASCII", "forged", "unsigned", "long"],
)
def test_without_a_genuine_token_nothing_is_answered(suite: Suite, token: str) -> None:
    stranger = Client(suite.url)
    headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
    answer = stranger.get("/api/users", headers=headers)

    _is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


REGISTRATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"email": "ada"}, "email"),
    "a line break in the address": ({"email": "a@example.com\r\nBcc: b@example.com"}, "email"),
    "a short password": ({"password": "short"}, "password"),
    "a password that is too long": ({"password": "x" * 129}, "password"),
    "a password that is no text": ({"password": 12345678}, "password"),
    "no name": ({"name": " "}, "name"),
    "a role": ({"role": "admin"}, "role"),
}


@pytest.mark.parametrize(("change", "field"), REGISTRATIONS.values(), ids=REGISTRATIONS.keys())
def test_a_registration_that_is_wrong_makes_no_user(
    anyone: Client, change: dict[str, Any], field: str
) -> None:
    body = {"email": new_email(), "password": PASSWORD, "name": "Ada", **change}
    problem = _is_problem(anyone.post("/api/auth/register", body), 422)
    login = anyone.post("/api/auth/login", {"email": body["email"], "password": str(body["password"])})

    assert list(problem["errors"]) == [field]
    assert login.status_code in (401, 422)


def test_an_address_that_has_an_account_is_a_conflict_however_it_is_written(anyone: Client) -> None:
    account = anyone.register()
    body = {"email": account.user["email"].upper(), "password": PASSWORD, "name": "Eve"}

    assert _is_problem(anyone.post("/api/auth/register", body), 409)["code"] == "email_taken"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(anyone: Client) -> None:
    account = anyone.register()
    wrong = anyone.post("/api/auth/login", {"email": account.user["email"], "password": "wrong wrong"})
    unknown = anyone.post("/api/auth/login", {"email": new_email(), "password": "wrong wrong"})

    same = ("title", "status", "detail", "code")
    assert [_is_problem(wrong, 401)[key] for key in same] == [_is_problem(unknown, 401)[key] for key in same]


def test_nobody_is_told_about_refused_changes(ada: Client, mailcatcher: MailCatcher) -> None:
    todo = ada.todo()
    for told in ("Welcome, ", "Welcome back", "New todo"):
        mailcatcher.wait_for_mail(ada.user["email"], told)
    before = len(mailcatcher.mails(ada.user["email"]))
    ada.patch(f"/api/todos/{todo['id']}", {"title": ""})
    stale = ada.patch(f"/api/todos/{todo['id']}", {"title": "y"}, headers={"If-Match": '"7"'})
    ada.todo(title="the next one")
    mailcatcher.wait_for_mail(ada.user["email"], "the next one")

    _is_problem(stale, 412)
    assert len(mailcatcher.mails(ada.user["email"])) == before + 1


def _is_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(problem)
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text and "Error(" not in answer.text
    return problem
