"""Worlds on the servers of all tests, for what restarts none of them: servers of one's own take seconds."""

import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from ops.engines import MongoDB, PostgreSQL, RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from tests.chaos.test_exactly_once import World
from tests.suite import settings_for

DATABASES = ("todos", "messaging", "notifications")
"""Those of the suite in MongoDB, whose names can't be chosen."""


@dataclass
class Servers:
    """Those of all tests."""

    rabbitmq: RabbitMQ
    postgresql: PostgreSQL
    mongodb: MongoDB
    mails: MailCatcher


class SharedWorld(World):
    """The suite with a virtual host and a database of its own, and all else as if nobody had been there."""

    def __init__(self, servers: Servers, directory: Path, **settings: str) -> None:
        self._shared, self._name = servers, f"world_{uuid.uuid4().hex[:8]}"
        super().__init__(directory, **settings)

    def start_servers(self, directory: Path) -> dict[str, str]:
        """Nothing is started."""
        shared = self._shared
        self.mails = shared.mails
        self._forget()
        self._in_postgresql(f"CREATE DATABASE {self._name}")
        uri = shared.rabbitmq.add_vhost(self._name)
        return settings_for(uri, shared.postgresql, shared.mongodb, shared.mails) | {"DB_NAME": self._name}

    def end_servers(self) -> None:
        """They are as they were."""
        self._shared.rabbitmq.delete_vhost(self._name)
        self._in_postgresql(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._forget()

    def _forget(self) -> None:
        self.mails.faults()
        self.mails.clear()
        with MongoClient[dict[str, Any]](self._shared.mongodb.uri) as client:
            for name in DATABASES:
                client.drop_database(name)

    def _in_postgresql(self, statement: str) -> None:
        with closing(self._shared.postgresql.connect("postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)


@pytest.fixture(scope="session")
def make_world(
    rabbitmq: RabbitMQ, postgresql: PostgreSQL, mongodb: MongoDB, mailcatcher: MailCatcher
) -> Callable[..., World]:
    """``make_world(directory, SETTING="x")``."""
    return partial(SharedWorld, Servers(rabbitmq, postgresql, mongodb, mailcatcher))
