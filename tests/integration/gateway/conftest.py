"""A gateway as `make run` starts it, alone with a broker unless a test says otherwise."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from kombu import Connection

from ops.engines import RabbitMQ
from tests.conftest import SECRET
from tests.e2e.client import Client
from tests.integration.running import Running, SessionList, make_config
from tests.suite import Suite

Token = Callable[..., str]


@pytest.fixture(scope="session")
def token() -> Token:
    """Makes access tokens; keywords replace claims, `typ` and `secret` what belongs to the signature."""

    def make(role: str = "user", typ: str = "at+jwt", secret: str = SECRET, **claims: Any) -> str:
        now = int(time.time())
        standard = {"iss": "auth", "aud": "suite", "iat": now, "exp": now + 600, "sid": str(uuid.uuid4())}
        who = {"sub": str(uuid.uuid4()), "role": role, "jti": str(uuid.uuid4())}
        return jwt.encode({**standard, **who, **claims}, secret, "HS256", headers={"typ": typ})

    return make


@contextmanager
def running(directory: Path, *services: str, **settings: str) -> Iterator[Suite]:
    """These processes, from when the gateway is up until the end of the block."""
    suite = Suite(directory, {"JWT_SECRET": SECRET, "RPC_DEADLINE": "2", **settings})
    suite.start(*services)
    try:
        with told_that_no_session_has_ended(settings["RABBITMQ_URL"]):
            wait_until(lambda: all(answers(suite, service) for service in services))
        yield suite
    finally:
        suite.stop()


@contextmanager
def told_that_no_session_has_ended(uri: str) -> Iterator[None]:
    """What a process asks for at its start is there during the block; the user service may be away after."""
    users = Running(SessionList, make_config(AMQP_URI=uri))
    try:
        yield
    finally:
        users.stop()


def answers(suite: Suite, service: str) -> bool:
    """Whether the process listens, consumes from the broker, and lets people in."""
    try:
        metrics = requests.get(f"{suite.url_of(service)}/metrics", timeout=2).text
    except requests.ConnectionError:
        return False
    return "suite_broker_up 1.0" in metrics and "suite_revocations_current 1.0" in metrics


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Ask again and again; a failure if it does not hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def vhost(rabbitmq: RabbitMQ) -> str:
    """A virtual host in which no service but the tests' own listens."""
    rabbitmq.add_vhost("gateway")
    return "gateway"


@pytest.fixture(scope="session")
def gateway(rabbitmq: RabbitMQ, vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """The gateway alone: all other services are away."""
    directory = tmp_path_factory.mktemp("gateway")
    with running(directory, "gateway", RABBITMQ_URL=rabbitmq.uri_of(vhost), GATEWAY_WORKERS="4") as suite:
        yield suite
    logs = suite.logs()
    assert "Traceback" not in logs  # whatever clients have sent
    assert "entrypoint_failed" not in logs


@pytest.fixture
def silent_todos(rabbitmq: RabbitMQ, vhost: str, gateway: Suite) -> Iterator[None]:
    """Somebody takes the calls to the todo service and answers none."""
    with Connection(rabbitmq.uri_of(vhost)) as connection:
        connection.default_channel.basic_consume("rpc-todos", no_ack=True)
        yield


@pytest.fixture
def anyone(gateway: Suite) -> Client:
    return Client(gateway.url)


@pytest.fixture
def ada(gateway: Suite, token: Token) -> Client:
    return Client(gateway.url, token())


@pytest.fixture
def admin(gateway: Suite, token: Token) -> Client:
    return Client(gateway.url, token("admin"))
