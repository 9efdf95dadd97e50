"""Who calls, and what: accounts made on a side before it is measured."""

import json
import uuid
from dataclasses import dataclass, replace
from typing import Any

import requests

from bench.load import Request

PASSWORD = "correct horse battery"
TODOS = 20
SECONDS = 30
TODO = {
    "title": "Buy milk and bread", "description": "The oat milk, two of them, and the dark bread.",
    "priority": "high", "tags": ["shopping", "home"], "due_at": "2030-05-01T12:00:00Z",
}  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """A user with twenty todos, and the last of these."""

    token: str
    todo_id: str


@dataclass(frozen=True)
class People:
    """What the rows ask of a side."""

    list_todos: Request
    get_todo: Request
    create_todo: Request
    create_silently: Request
    login: Request
    readers: tuple[Reader, ...] = ()

    def lists(self, readers: int) -> Request:
        """A list, by so many users in turn, each of their own."""
        return replace(
            self.list_todos, in_turn=tuple(("/api/todos", one.token) for one in self._some(readers))
        )

    def singles(self, readers: int) -> Request:
        """A todo, likewise."""
        turns = tuple((f"/api/todos/{one.todo_id}", one.token) for one in self._some(readers))
        return replace(self.get_todo, in_turn=turns)

    def _some(self, readers: int) -> tuple[Reader, ...]:
        assert len(self.readers) >= readers
        return self.readers[:readers]


def register(url: str) -> str:
    """A new account; its address."""
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    _post(url, "/api/auth/register", {"email": email, "password": PASSWORD, "name": "Ada"})
    return email


def login(url: str, email: str) -> str:
    """The access token of a new login."""
    token: str = _post(url, "/api/auth/login", {"email": email, "password": PASSWORD})["access_token"]
    return token


def create_todo(url: str, token: str, **fields: str) -> dict[str, Any]:
    """A new todo."""
    return _post(url, "/api/todos", {**TODO, **fields}, token)


def settle_in(url: str, logins: int = 8, readers: int = 1) -> People:
    """Some readers, two writers of whom one wants no mails, and some who only log in."""
    writer, silent = (login(url, register(url)) for _ in range(2))
    want_no_mails(url, silent)
    reading = tuple(_reader(url) for _ in range(readers))
    reader, todo_id = reading[0].token, reading[0].todo_id
    return People(
        list_todos=Request(f"{url}/api/todos", reader),
        get_todo=Request(f"{url}/api/todos/{todo_id}", reader),
        create_todo=Request(f"{url}/api/todos", writer, (json.dumps(TODO),)),
        create_silently=Request(f"{url}/api/todos", silent, (json.dumps(TODO),)),
        login=Request(f"{url}/api/auth/login", bodies=tuple(_login_body(url) for _ in range(logins))),
        readers=reading,
    )


def _reader(url: str) -> Reader:
    token = login(url, register(url))
    want_no_mails(url, token)
    todo = [create_todo(url, token) for _ in range(TODOS)][-1]
    listed = requests.get(f"{url}/api/todos", headers=_bearer(token), timeout=SECONDS)
    assert listed.status_code == 200, listed.text
    assert len(listed.json()) == TODOS, listed.text
    return Reader(token, todo["id"])


def want_no_mails(url: str, token: str) -> None:
    """Switch off the mails about todos, where there are any: stock Nameko's side knows no such path."""
    body = {"preferences": {"todo_mails": False}}
    answer = requests.patch(f"{url}/api/users/me", json=body, headers=_bearer(token), timeout=SECONDS)
    assert answer.ok or answer.status_code == 404, answer.text


def _login_body(url: str) -> str:
    return json.dumps({"email": register(url), "password": PASSWORD})


def _post(url: str, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    answer = requests.post(url + path, json=body, headers=_bearer(token), timeout=SECONDS)
    assert answer.ok, f"{path}: {answer.status_code} {answer.text[:500]}"
    made: dict[str, Any] = answer.json()
    return made


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
