"""The private servers of a measurement, with their data on disk as in production."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from ops.engines import MailCatcher, MongoDB, PostgreSQL, RabbitMQ
from ops.engines.ports import free_port


@dataclass(frozen=True)
class Engines:
    """What both sides use, each with a virtual host and databases of its own."""

    rabbitmq: RabbitMQ
    postgresql: PostgreSQL
    mongodb: MongoDB
    mailcatcher: MailCatcher

    def add_vhost(self, name: str) -> str:
        """A new virtual host; its address."""
        return self.rabbitmq.add_vhost(name)

    def add_database(self, name: str) -> str:
        """A new database in PostgreSQL; its address."""
        connection: Any = psycopg2.connect(self.postgresql.uri_of("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.close()
        return self.postgresql.uri_of(name)


@contextmanager
def engines(directory: Path) -> Iterator[Engines]:
    """All of them, side by side, gone afterwards."""
    rabbitmq = RabbitMQ(directory / "rabbitmq", free_port(), free_port())
    postgresql = PostgreSQL(directory / "postgresql", free_port(), "postgres", "postgres", "users_db")
    mongodb = MongoDB(directory / "mongodb", free_port())
    mailcatcher = MailCatcher(directory / "mails", free_port(), free_port())
    with ExitStack() as stack:
        started = [stack.enter_context(killed(one)) for one in (rabbitmq, postgresql, mongodb, mailcatcher)]
        for one in started:
            one.wait_ready(90)
        yield Engines(rabbitmq, postgresql, mongodb, mailcatcher)


@contextmanager
def killed(engine: Any) -> Iterator[Any]:
    """A server that is being started, killed at the end."""
    try:
        engine.start()
        yield engine
    finally:
        engine.kill()
