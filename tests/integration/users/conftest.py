"""A running user service on a database of its own, and those who call it."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest

from ops.engines import PostgreSQL
from services.users.service import UsersService
from tests.integration.conftest import Run
from tests.integration.databases import Heard, new_database
from tests.integration.running import Running, Somebody, Wire, make_config

ADMIN = "root@example.com"


@pytest.fixture(scope="module")
def config(vhost_uri: str, postgresql: PostgreSQL) -> Iterator[dict[str, Any]]:
    for settings in new_database(postgresql):
        yield make_config(
            AMQP_URI=vhost_uri, POSTGRES=settings, ADMIN_EMAIL=ADMIN, ADMIN_PASSWORD="correct horse"
        )


@pytest.fixture(scope="module")
def users(config: dict[str, Any], module_run: Run) -> Running:
    return module_run(UsersService, config)


@pytest.fixture
def sql(config: dict[str, Any], users: Running) -> Iterator[Callable[..., list[Any]]]:
    """Asks the database itself."""
    where = config["POSTGRES"]
    connection = psycopg2.connect(
        host=where["host"], port=where["port"], user=where["username"], password=where["password"],
        dbname=where["database"],
    )  # fmt: skip
    connection.autocommit = True

    def ask(query: str, *values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    yield ask
    connection.close()


@pytest.fixture
def heard(users: Running, wire: Wire) -> Heard:
    """The user service's events."""
    return Heard(wire, "users")


@dataclass
class People:
    """Those who call, and the accounts that they make."""

    config: dict[str, Any]
    started: list[Somebody]

    def somebody(self, **kind: Any) -> Any:
        """A client for the user service with an identity."""
        self.started.append(Somebody(self.config, **kind))
        return self.started[-1].call.users

    @property
    def service(self) -> Any:
        """Another of the suite's services."""
        return self.somebody(as_service=True)

    @property
    def admin(self) -> Any:
        """The first administrator."""
        found = self.service.credentials(email=ADMIN)
        return self.somebody(user_id=found["user"]["id"], role="admin")

    def new(
        self, name: str = "Ada", email: str = "", password_hash: str = "$2b$x"
    ) -> tuple[dict[str, Any], Any]:
        """An account and its owner's client."""
        data = {
            "email": email or f"{uuid.uuid4().hex[:12]}@example.com",
            "name": name,
            "password_hash": password_hash,
        }
        user = self.service.create(data=data)
        return user, self.somebody(user_id=user["id"])

    def open(self, user: dict[str, Any], **proof: Any) -> Any:
        """A new session as the user service tells of it, if what the login was checked against is enough."""
        return self.service.open_session(
            user_id=user["id"], refresh_token=uuid.uuid4().hex, seconds=60, ip="", user_agent="",
            proof=proof or None,
        )  # fmt: skip


@pytest.fixture
def people(config: dict[str, Any], users: Running) -> Iterator[People]:
    people = People(config, [])
    yield people
    for one in people.started:
        one.stop()
