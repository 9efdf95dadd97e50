"""What visitors do: all kinds of calls, to all services, by users and by an administrator."""

import itertools
import os
import time
import uuid
from collections.abc import Callable
from typing import Any

import eventlet

from tests.chaos.test_exactly_once import World
from tests.chaos.visitors import Tally, Visitor
from tests.e2e.client import PASSWORD, Client, new_email

LONG = os.environ.get("CHAOS") == "long"
Errand = Callable[[], None]


class Errands:
    """A user of the suite with a todo, and an administrator, over a visitor's connection each."""

    def __init__(self, world: World, tally: Tally, keeps: bool) -> None:
        url = world.suite.url
        self.client = Client(url).register("Ada").login()
        self.todo: dict[str, Any] = self.client.todo()
        self.user = Visitor(url, self.client.token, tally, keeps)
        self.admin = Visitor(url, world.admin.token, tally, keeps)
        self.names = map(str, itertools.count())

    def repeatable(self) -> list[Errand]:
        """Calls that may be made twice with the effect of one."""
        return [
            self.read_todos, self.replace_todo, self.make_and_delete_todo, self.read_profile,
            self.replace_profile, self.read_sessions, self.register, self.read_messages, self.send_message,
            self.preview,
        ]  # fmt: skip

    def others(self) -> list[Errand]:
        """Calls that may not."""
        return [self.change_todo, self.make_todo, self.log_in_and_out, self.end_sessions]

    def read_todos(self) -> None:
        """One of them, its headers, and a page."""
        self.user.call("GET", self.path)
        self.user.call("HEAD", self.path)
        self.user.call("GET", "/api/todos?limit=20")

    def replace_todo(self) -> None:
        """PUT."""
        self.user.call("PUT", self.path, {"title": f"todo {next(self.names)}", "tags": ["put"]})

    def make_and_delete_todo(self) -> None:
        """POST with a key, twice, and DELETE."""
        body, key = {"title": f"todo {next(self.names)}"}, str(uuid.uuid4())
        first = self.user.call("POST", "/api/todos", body, 201, key)
        again = self.user.call("POST", "/api/todos", body, 201, key)
        if first and again:
            assert first["id"] == again["id"]
            self.user.call("DELETE", f"/api/todos/{first['id']}", expected=204)

    def read_profile(self) -> None:
        """From the user service, and from auth."""
        self.user.call("GET", "/api/users/me")
        self.user.call("GET", "/api/auth/verify")

    def replace_profile(self) -> None:
        """PUT."""
        body = {"email": self.client.user["email"], "name": f"Ada {next(self.names)}"}
        self.user.call("PUT", "/api/users/me", body)

    def read_sessions(self) -> None:
        """By way of auth, from the user service; and what an administrator sees of users."""
        self.user.call("GET", "/api/auth/sessions")
        self.admin.call("GET", "/api/users?limit=5")

    def register(self) -> None:
        """POST with a key: auth and the user service."""
        body = {"email": new_email(), "password": PASSWORD, "name": "Bob"}
        self.user.call("POST", "/api/auth/register", body, 201, str(uuid.uuid4()))

    def read_messages(self) -> None:
        """The ledger; and how the suite is, where no other tests keep a process from saying so in time."""
        self.admin.call("GET", "/api/messages?limit=5")
        if LONG:
            self.admin.call("GET", "/health")

    def send_message(self) -> None:
        """POST with a key."""
        todo = {"name": "Ada", "todos": [{"title": "Buy milk"}]}
        body = {"template": "todo_created", "recipient": self.client.user["email"], "context": todo}
        self.admin.call("POST", "/api/messages", body, 202, str(uuid.uuid4()))

    def preview(self) -> None:
        """From the notification service."""
        self.admin.call("GET", "/api/messages/templates/todo_created/preview?format=json")

    def change_todo(self) -> None:
        """PATCH."""
        self.user.call("PATCH", self.path, {"title": f"todo {next(self.names)}"})

    def make_todo(self) -> None:
        """POST without a key."""
        self.user.call("POST", "/api/todos", {"title": f"todo {next(self.names)}"}, 201)

    def log_in_and_out(self) -> None:
        """A session's whole life."""
        known = {"email": self.client.user["email"], "password": PASSWORD}
        pair = self.user.call("POST", "/api/auth/login", known)
        if pair:
            self.user.call("POST", "/api/auth/refresh", {"refresh_token": pair["refresh_token"]})

    def end_sessions(self) -> None:
        """All but this one, one by one: DELETE by id."""
        for session in self.user.call("GET", "/api/auth/sessions") or []:
            if not session["current"]:
                self.user.call("DELETE", f"/api/auth/sessions/{session['id']}", expected=204)

    @property
    def path(self) -> str:
        """This user's todo."""
        return f"/api/todos/{self.todo['id']}"


class Crowd:
    """Visitors who do their errands, over and over, until they are told to stop."""

    def __init__(self, lists: list[list[Errand]], pause: float = 0.0) -> None:
        self._pause = pause
        self._going = True
        self._threads = [
            eventlet.spawn(self._go, errands[turn % len(errands) :] + errands[: turn % len(errands)])
            for turn, errands in enumerate(lists)
        ]

    def stop(self) -> None:
        """When each has finished what it does."""
        self._going = False
        for thread in self._threads:
            thread.wait()

    def _go(self, errands: list[Errand]) -> None:
        for errand in itertools.cycle(errands):
            if not self._going:
                return
            errand()
            eventlet.sleep(self._pause)


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until it is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        eventlet.sleep(0.1)
