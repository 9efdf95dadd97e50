"""A PostgreSQL database of one's own, a service's events in their order, and what is asked of MongoDB."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from kombu import Exchange, Queue
from psycopg2 import sql
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from ops.engines import PostgreSQL
from tests.integration.running import Wire


def new_database(postgresql: PostgreSQL) -> Iterator[dict[str, Any]]:
    """Makes an empty database; the ``POSTGRES`` settings that lead there."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    _run(postgresql, "CREATE DATABASE {}", name)
    yield {
        "host": "127.0.0.1", "port": postgresql.port, "username": postgresql.username,
        "password": postgresql.password, "database": name,
    }  # fmt: skip
    _run(postgresql, "DROP DATABASE {} WITH (FORCE)", name)


def _run(postgresql: PostgreSQL, statement: str, name: str) -> None:
    connection = postgresql.connect("postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
    finally:
        connection.close()


class Heard:
    """A queue of the test's own that gets every event of a service."""

    def __init__(self, wire: Wire, source: str) -> None:
        self.wire, self.name = wire, f"heard-{uuid.uuid4()}"
        exchange = Exchange(f"{source}.events", type="topic", durable=True)
        Queue(self.name, exchange, routing_key="#", durable=True)(wire.channel).declare()
        self._events: list[tuple[str, dict[str, Any]]] = []

    def events(self, **which: Any) -> list[tuple[str, dict[str, Any]]]:
        """Name and payload of what has come so far, of those with these fields."""
        while message := self.wire.channel.basic_get(self.name, no_ack=True):
            self._events.append((message.delivery_info["routing_key"], json.loads(message.body)))
        return [
            (name, event)
            for name, event in self._events
            if all(event.get(field) == value for field, value in which.items())
        ]

    def names(self, **which: Any) -> list[str]:
        """The names of those events."""
        return [name for name, _ in self.events(**which)]


class Commands(CommandListener):
    """The commands that a client has sent, as the server gets them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [name for name, _ in self.sent]

    def of(self, wanted: str) -> list[dict[str, Any]]:
        """Those of this name."""
        return [command for name, command in self.sent if name == wanted]

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append((event.command_name, dict(event.command)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass
