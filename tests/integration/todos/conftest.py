"""A running todo service on a private broker and database, and users who call it by RPC."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import eventlet
import jwt
import pytest
from kombu import Connection, Exchange, Queue
from nameko.containers import ServiceContainer
from nameko.standalone.rpc import ClusterRpcProxy
from pymongo import MongoClient

from common import config as settings
from common import identity
from ops.engines import RabbitMQ
from services.todos.service import TodosService
from tests.conftest import SECRET
from tests.integration.running import Running


@pytest.fixture(scope="session")
def suite_config(mongo_uri: str, rabbitmq: RabbitMQ) -> dict[str, Any]:
    """The settings of one service that all of these tests call, on a virtual host of its own."""
    config = settings.load()
    config |= {"MONGODB_URI": mongo_uri, "AMQP_URI": rabbitmq.add_vhost("todos"), "JWT_SECRET": SECRET}
    config["HTTP"] |= {"host": "127.0.0.1", "ports": dict.fromkeys(config["HTTP"]["ports"], 0)}
    return config


@dataclass
class User:
    """Somebody with a valid access token, and the service as they reach it."""

    id: str
    todos: Any
    config: dict[str, Any]
    context: dict[str, str]

    @contextmanager
    def again(self) -> Iterator["User"]:
        """The same user over another connection, for calls at the same time."""
        with ClusterRpcProxy(self.config, context_data=self.context, timeout=20) as services:
            yield User(self.id, services.todos, self.config, self.context)

    def make(self, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
        return self.todos.create({"title": title, **fields})

    def titles(self, **query: str) -> list[str]:
        return [todo["title"] for todo in self.todos.list(query)["items"]]


class Heard:
    """The events that the todo service has published, told apart by their user."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, body: dict[str, Any], message: Any) -> None:
        self.events.append((message.delivery_info["routing_key"], body))
        message.ack()

    def of(self, user: User, count: int, seconds: float = 5) -> list[tuple[str, dict[str, Any]]]:
        """The user's events, once there are ``count`` of them and a moment without more has passed."""
        end = time.monotonic() + seconds
        while len(self._of(user)) < count and time.monotonic() < end:
            eventlet.sleep(0.02)
        eventlet.sleep(0.1)
        found = self._of(user)
        assert len(found) == count, [name for name, _ in found]
        return found

    def _of(self, user: User) -> list[tuple[str, dict[str, Any]]]:
        return [(name, body) for name, body in self.events if body["user_id"] == user.id]


@pytest.fixture(scope="session")
def service(suite_config) -> Iterator[ServiceContainer]:
    running = Running(TodosService, suite_config)
    yield running.container
    running.stop()


@pytest.fixture(scope="session")
def heard(service, suite_config) -> Iterator[Heard]:
    """A listener of its own on all events of the service."""
    heard = Heard()
    exchange = Exchange("todos.events", type="topic", durable=True)
    queue = Queue(f"test-{uuid.uuid4().hex}", exchange, routing_key="#", exclusive=True, auto_delete=True)
    connection = Connection(suite_config["AMQP_URI"])
    with connection, connection.Consumer([queue], callbacks=[heard]):
        listening = eventlet.spawn(_drain, connection)
        yield heard
        listening.kill()


def _drain(connection: Connection) -> None:
    while True:
        try:
            connection.drain_events(timeout=1)
        except TimeoutError:
            pass


@contextmanager
def a_user(config: dict[str, Any], role: str = "user", **context: str) -> Iterator[User]:
    """A new user with a connection of their own; ``context`` is what their calls carry besides."""
    user_id = str(uuid.uuid4())
    token = access_token(config["JWT_SECRET"], user_id, role)
    data = {"auth_token": token, "request_id": f"request-of-{user_id}", **context}
    with User(user_id, None, config, data).again() as user:
        yield user


@pytest.fixture(scope="session")
def sign_in(service, heard, suite_config) -> Callable[..., Any]:
    """``with sign_in() as user``, for fixtures that outlive a test."""
    return partial(a_user, suite_config)


@pytest.fixture
def new_user(sign_in) -> Iterator[Callable[..., User]]:
    """Make users: ``new_user()``, or ``new_user(role="admin")``."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(sign_in(**how))


@pytest.fixture
def user(new_user) -> User:
    return new_user()


@pytest.fixture
def at_once(user) -> Callable[..., list[Any]]:
    """``at_once(f, g, ...)``: call each with the user over a connection of its own, all at the same time."""

    def run(*calls: Callable[[User], Any]) -> list[Any]:
        with ExitStack() as stack:
            callers = [stack.enter_context(user.again()) for _ in calls]
            jobs = [eventlet.spawn(call, caller) for call, caller in zip(calls, callers, strict=True)]
            return [job.wait() for job in jobs]

    return run


@pytest.fixture(scope="session")
def collection(service, suite_config) -> Iterator[Any]:
    """The service's collection, as an administrator of the database sees it."""
    with MongoClient(suite_config["MONGODB_URI"], tz_aware=True) as client:
        yield client["todos"]["todos"]


def access_token(secret: str, user_id: str, role: str = "user") -> str:
    now = int(time.time())
    claims = {
        "sub": user_id, "role": role, "sid": uuid.uuid4().hex, "jti": uuid.uuid4().hex, "iat": now,
        "exp": now + 3600, "iss": identity.ISSUER, "aud": identity.AUDIENCE,
    }  # fmt: skip
    return jwt.encode(claims, secret, "HS256", headers={"typ": identity.ACCESS_TYPE})
