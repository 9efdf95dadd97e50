"""What an outbox costs on the write path: ``python -m bench.outbox``.

Each round makes the same changes in three ways, one after the other: the change alone, the change with
its event stored, and both with the event published and removed. Private servers, with their data on disk
as in production. The figures are medians over the rounds, and ratios to the change alone. ``--json`` prints
them as a line of JSON.
"""

import eventlet

eventlet.monkey_patch()

import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nameko_sqlalchemy.database import Session
from pymongo import MongoClient
from sqlalchemy.orm import sessionmaker

from bench.engines import killed
from common import clock, topology
from common.broker import ConfirmedPublisher
from common.client_info import Client
from common.config import load
from common.group_commit import GroupCommit, Insert
from common.mongo import MongoOutbox
from common.outbox import Publish, Relay, to_message
from common.postgres import PostgresOutbox, make_engine
from ops.engines import MongoDB, PostgreSQL, RabbitMQ
from ops.engines.ports import free_port
from services.todos import domain, storage
from services.users.audit import Origin
from services.users.domain import Policy
from services.users.models import Base
from services.users.users import UserRepository

ROUNDS, CHANGES = 9, 200
Way = Callable[[], object]
Ways = tuple[Way, Way, Callable[[], int]]
Figures = dict[str, dict[str, float]]


class SilentUsers(UserRepository):
    """Writes the change and no event."""

    def announce(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""


class SilentTodos(storage.TodoStore):
    """Writes the change and no event."""

    def add(self, change: domain.Change) -> domain.Todo:
        """Keep a new todo."""
        self.storage.group.write(Insert(self._new(change.todo)))
        return change.todo


def main(as_json: bool) -> None:
    """Measure both stores and print the figures."""
    found = measure()
    if as_json:
        print(json.dumps(found))
        return
    for title, ways in found.items():
        print(title)
        for name, one in ways.items():
            print(f"  {name:24} {one['ms']:6.2f} ms  {one['ratio']:5.2f} times")


def measure() -> dict[str, Figures]:
    """The figures of both stores."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rabbitmq = RabbitMQ(directory / "rabbitmq", free_port(), free_port())
        postgresql = PostgreSQL(directory / "pg", free_port(), "postgres", "postgres", "users_db")
        mongodb = MongoDB(directory / "mongodb", free_port())
        for engine in (rabbitmq, postgresql, mongodb):
            stack.enter_context(killed(engine)).wait_ready(60)
        publish = publisher(rabbitmq.uri)
        return {
            "PostgreSQL, a user is registered": compare(*postgresql_ways(postgresql, publish)),
            "MongoDB, a todo is made": compare(*mongodb_ways(mongodb, publish)),
        }


def publisher(uri: str) -> Publish:
    """Publishes with confirms, as a relay does."""
    config = load() | {"AMQP_URI": uri}
    topology.declare(config)
    confirmed = ConfirmedPublisher()
    confirmed.container = SimpleNamespace(config=config)
    return lambda entries: confirmed.publish([to_message(entry) for entry in entries])


def postgresql_ways(server: PostgreSQL, publish: Publish) -> Ways:
    """One transaction each."""
    settings = {
        "host": "127.0.0.1", "port": server.port, "username": "postgres", "password": "postgres",
        "database": "users_db",
    }  # fmt: skip
    engine = make_engine(settings, "bench")
    Base.metadata.create_all(engine)
    make = sessionmaker(bind=engine, class_=Session, expire_on_commit=False)
    day = timedelta(hours=24)
    shared = (make, Relay(), Policy(day, day), Origin("r", Client("", "")))
    loud, silent, outbox = UserRepository(*shared), SilentUsers(*shared), PostgresOutbox(engine)

    def add(users: UserRepository) -> None:
        users.add(f"{uuid.uuid4()}@example.com", "Ada", "x" * 60)

    return lambda: add(silent), lambda: add(loud), lambda: outbox.drain(publish)


def mongodb_ways(server: MongoDB, publish: Publish) -> Ways:
    """One document each."""
    db = MongoClient[dict[str, Any]](server.uri).todos
    outbox = MongoOutbox(db.todos)
    owner: Any = SimpleNamespace(
        todos=db.todos, shown=db.todos, answers=None, group=GroupCommit(db.todos), announce=outbox.hint
    )
    loud, silent = storage.TodoStore(owner, "r"), SilentTodos(owner, "r")
    outbox.prepare()

    def add(todos: storage.TodoStore) -> None:
        todos.add(domain.create(todos.new_id(), "user", {"title": "Buy milk"}, clock.now()))

    return lambda: add(silent), lambda: add(loud), lambda: outbox.drain(publish)


def compare(alone: Way, stored: Way, relay: Callable[[], int]) -> Figures:
    """Run the rounds; medians in milliseconds, and ratios to the change alone."""

    def published() -> None:
        stored()
        relay()

    ways = {"the change alone": alone, "with its event stored": stored, "published and removed": published}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            for _ in range(CHANGES):
                way()
            taken[name].append((time.perf_counter() - began) / CHANGES * 1000)
            while relay():
                pass  # what one way leaves in the outbox is not the next one's work
    found = {}
    for name, values in taken.items():
        ratios = [one / first for one, first in zip(values, taken["the change alone"], strict=True)]
        found[name] = {"ms": statistics.median(values), "ratio": statistics.median(ratios)}
    return found


if __name__ == "__main__":
    main(as_json="--json" in sys.argv[1:])
