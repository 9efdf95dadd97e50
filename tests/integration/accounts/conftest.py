"""The auth service in front of the user service, as the gateway calls it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.auth.service import AuthService
from tests.integration.conftest import Run
from tests.integration.running import Running, Somebody
from tests.integration.users.conftest import People, config, heard, people, sql, users

__all__ = ["config", "heard", "people", "sql", "users"]

PASSWORD = "correct horse battery"
Visitor = Callable[..., Any]


@pytest.fixture(scope="module")
def auth(config: dict[str, Any], users: Running, module_run: Run) -> Running:
    return module_run(AuthService, config)


@pytest.fixture
def visitor(config: dict[str, Any], auth: Running) -> Iterator[Visitor]:
    """Makes clients of auth, each with a connection of its own, at an address."""
    started: list[Somebody] = []

    def come(ip: str = "203.0.113.7", user_agent: str = "Firefox") -> Any:
        started.append(Somebody(config, client_ip=ip, user_agent=user_agent))
        return started[-1].call.auth

    yield come
    for one in started:
        one.stop()


@pytest.fixture
def account(auth: Running, people: People) -> Callable[..., dict[str, Any]]:
    """Makes accounts whose password is ``PASSWORD``, hashed by auth unless a hash is given."""

    def make(password_hash: str = "") -> dict[str, Any]:
        kept = password_hash or auth.inject("passwords").hash(PASSWORD)
        return people.new(password_hash=kept)[0]

    return make
