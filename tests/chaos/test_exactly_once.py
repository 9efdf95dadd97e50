"""Everything dies while people work: each accepted change has exactly its mail, and the ledger agrees.

The short form runs with all tests, the long one by ``make chaos`` (``CHAOS=long``).
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import eventlet
import pytest

from ops.engines import MongoDB, PostgreSQL, RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from ops.engines.ports import free_port
from tests.chaos.load import Person, live
from tests.chaos.trouble import Trouble
from tests.e2e.client import Client
from tests.suite import ADMIN, Suite, settings_for

LONG = os.environ.get("CHAOS") == "long"
PEOPLE, TODOS, KILLS, SECONDS = (1000, 1, 5, 240) if LONG else (30, 2, 1, 20)
REFUSED_SHARE = 1 / 3


class World:
    """The suite with servers of its own, so that they can be restarted."""

    broker = RabbitMQ

    def __init__(self, directory: Path, **settings: str) -> None:
        servers = self.start_servers(directory)
        # A thousand people at one address are no abuse here.
        self.suite = Suite(directory, servers | {"RATE_LIMIT_ENABLED": "false"} | settings)
        self.before_start()
        self.suite.start()
        self.suite.wait_ready()

    def start_servers(self, directory: Path) -> dict[str, str]:
        """What the suite stands on, and the variables that lead it there."""
        self.rabbitmq = self.broker(directory / "rabbitmq", free_port(), free_port(), fast=True)
        self.postgresql = PostgreSQL(
            directory / "postgresql", free_port(), "postgres", "postgres", "users_db", fast=True
        )
        self.mongodb = MongoDB(directory / "mongodb", free_port(), fast=True)
        self.mails = MailCatcher(directory / "mails", free_port(), free_port())
        self.engines: tuple[Any, ...] = (self.rabbitmq, self.postgresql, self.mongodb, self.mails)
        for engine in self.engines:
            engine.start()
        for engine in self.engines:
            engine.wait_ready(60)
        return settings_for(self.rabbitmq.uri, self.postgresql, self.mongodb, self.mails)

    def before_start(self) -> None:
        """What a world of another kind does with its suite first."""

    @cached_property
    def admin(self) -> Client:
        """The administrator, logged in once: each login is a mail more."""
        return Client(self.suite.url).login(ADMIN["email"], ADMIN["password"])

    def end(self) -> None:
        """Stop all of it."""
        try:
            self.suite.stop()
        finally:
            self.end_servers()

    def end_servers(self) -> None:
        """Nobody uses them any more."""
        for engine in self.engines:
            engine.kill()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.end()


def test_each_accepted_change_has_exactly_its_mail(world: World) -> None:
    started = time.monotonic()
    people = [Person(world.suite.url, number) for number in range(PEOPLE)]
    world.mails.faults(temporary_share=REFUSED_SHARE)
    _live_through_trouble(world, people)
    lived = time.monotonic()
    expected = Counter(_expected(people))
    settle(lambda: _is_quiet(world), 240 if LONG else 90)
    set_aside = _dead_letters(world.admin)
    world.mails.faults()
    replayed = world.admin.post("/api/messages/dead-letters/replay", {"limit": 10_000}).json()["replayed"]
    settle(lambda: _is_quiet(world) and not expected - _delivered(world), 120)
    delivered = _delivered(world)
    took = f"lived {lived - started:.0f} s, settled {time.monotonic() - lived:.0f} s"
    print(f"{took}; expected {expected.total()}, dead letters {set_aside}, replayed {replayed}")

    assert expected - delivered == Counter(), "missing"
    assert delivered - expected == Counter(), "double, or of nothing that was accepted"
    assert _dead_letters(world.admin) == 0
    assert _count(world.admin, "sent") >= expected.total()
    assert [_count(world.admin, status) for status in ("queued", "retrying", "dead")] == [0, 0, 0]


def _live_through_trouble(world: World, people: list[Person]) -> None:
    restarts = [world.rabbitmq, world.postgresql, world.mongodb, *([world.rabbitmq] if LONG else [])]
    trouble = Trouble(world.suite, KILLS, restarts, SECONDS)
    manager = eventlet.spawn(trouble.keep_running)
    troubled = eventlet.spawn(trouble.run)
    live(people, TODOS)
    troubled.wait()
    settle(world.suite.is_ready, 60)
    manager.kill()
    assert trouble.done == len(trouble.steps)


def _expected(people: list[Person]) -> Iterator[tuple[str, str]]:
    """Address and subject of each mail that an accepted change asks for (logins are not counted)."""
    for person in people:
        yield person.email, f"Welcome, Person {person.number}"
        for todo in person.todos():
            yield person.email, f"New todo: {todo['title']}"
            if todo["completed"]:
                yield person.email, f"Completed: {todo['title']}"


def _delivered(world: World) -> Counter[tuple[str, str]]:
    """What a mailbox shows that knows one Message-ID once, as real ones do."""
    mails = {mail["headers"]["Message-ID"]: (mail["to"][0], mail["subject"]) for mail in world.mails.mails()}
    told = (mail for mail in mails.values() if mail[0] != ADMIN["email"])
    return Counter(mail for mail in told if not mail[1].startswith("Welcome back"))


def _is_quiet(world: World) -> bool:
    return [_count(world.admin, status) for status in ("queued", "retrying")] == [0, 0]


def _count(admin: Client, status: str) -> int:
    answer = admin.get(f"/api/messages?status={status}&count=true&limit=1")
    return int(answer.headers["X-Total-Count"])


def _dead_letters(admin: Client) -> int:
    return int(admin.get("/api/messages/dead-letters?count=true&limit=1").headers["X-Total-Count"])


def settle(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until it is true, or for so long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return
        eventlet.sleep(1)
