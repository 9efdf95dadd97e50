"""A virtual host and running services for the tests of one module."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
import pytest
import requests

from ops.engines import RabbitMQ
from tests.integration.running import Running, Wire

Run = Callable[..., Running]


@pytest.fixture(scope="module")
def vhost_uri(rabbitmq: RabbitMQ) -> Iterator[str]:
    """A virtual host of this module's own."""
    name, login = f"module-{uuid.uuid4().hex[:8]}", (rabbitmq.user, rabbitmq.password)
    api = f"{rabbitmq.management_url}/api"
    requests.put(f"{api}/vhosts/{name}", auth=login, timeout=30).raise_for_status()
    rights: dict[str, Any] = dict.fromkeys(("configure", "write", "read"), ".*")
    requests.put(
        f"{api}/permissions/{name}/{rabbitmq.user}", json=rights, auth=login, timeout=30
    ).raise_for_status()
    yield rabbitmq.uri_of(name)
    requests.delete(f"{api}/vhosts/{name}", auth=login, timeout=30)


@pytest.fixture(scope="module")
def module_run() -> Iterator[Run]:
    """Starts services that run until the module's tests are over."""
    yield from _runner()


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts services that run until the test is over."""
    yield from _runner()


@pytest.fixture
def wire(vhost_uri: str) -> Iterator[Wire]:
    """Anybody's connection to the module's virtual host."""
    wire = Wire(vhost_uri)
    yield wire
    wire.close()


def _runner() -> Iterator[Run]:
    started: list[Running] = []

    def start(service: type, config: dict[str, Any], loads_sessions: bool = False) -> Running:
        started.append(Running(service, config, loads_sessions))
        return started[-1]

    yield start
    for _ in eventlet.GreenPool().imap(Running.stop, started):
        pass
