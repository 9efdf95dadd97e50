"""Clients who keep at it: every change ends as accepted or as known not to be, whatever is down meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import eventlet
import requests

from tests.e2e.client import PASSWORD, Client, new_email

PATIENCE_SECONDS = 180


@dataclass
class Person:
    """A client of the suite, and what was accepted from them."""

    base_url: str
    number: int
    email: str = field(default_factory=new_email)
    token: str = ""

    def register(self) -> None:
        """Until the account is there; an attempt whose answer was lost shows as a conflict later."""
        body = {"email": self.email, "password": PASSWORD, "name": f"Person {self.number}"}
        self._until(lambda: self._call("POST", "/api/auth/register", body) in (201, 409))

    def work(self, todos: int) -> None:
        """Make todos and complete them."""
        for number in range(todos):
            self._until(lambda number=number: self._make(f"{self.number}.{number}"))
        for todo in self.todos():
            self._until(lambda todo=todo: self._complete(todo["id"]))

    def todos(self) -> list[dict[str, Any]]:
        """All todos that there are."""
        found: list[dict[str, Any]] = []

        def read() -> bool:
            answer = self._answer("GET", "/api/todos?limit=100")
            found[:] = answer.json() if answer is not None and answer.status_code == 200 else []
            return answer is not None and answer.status_code == 200

        self._until(read)
        return found

    def _make(self, name: str) -> bool:
        # A title of its own for each attempt: one whose answer was lost counts if its todo is there.
        return self._call("POST", "/api/todos", {"title": f"{name} {time.monotonic_ns()}"}) == 201

    def _complete(self, todo_id: str) -> bool:
        return self._call("PATCH", f"/api/todos/{todo_id}", {"completed": True}) == 200

    def _call(self, method: str, path: str, body: Any = None) -> int:
        answer = self._answer(method, path, body)
        return answer.status_code if answer is not None else 0

    def _answer(self, method: str, path: str, body: Any = None) -> requests.Response | None:
        try:
            if not self.token and not path.endswith("/register"):
                credentials = {"email": self.email, "password": PASSWORD}
                answer = Client(self.base_url).post("/api/auth/login", credentials)
                self.token = answer.json().get("access_token", "")
            return Client(self.base_url, self.token).call(method, path, json=body)
        except (requests.RequestException, ValueError):
            return None

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < end, f"no way through for {PATIENCE_SECONDS} s"
            eventlet.sleep(0.3)


def live(people: list[Person], todos: int) -> None:
    """All of them register and work, side by side."""

    def one(person: Person) -> None:
        person.register()
        person.work(todos)

    pool = eventlet.GreenPool(16)
    for thread in [pool.spawn(one, person) for person in people]:
        thread.wait()
