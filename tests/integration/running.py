"""Services running in the tests' own process, and what is said to them."""

import json
import time
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import amqp
import eventlet
from kombu import Connection
from nameko.containers import WorkerContext
from nameko.standalone.rpc import ClusterRpcProxy

from common import config as settings
from common.container import SuiteContainer
from common.identity import Allow, Tokens
from common.revocation_feed import RevocationFeed
from common.revocations import RevokedSessions
from common.rpc import rpc
from common.transport import frames
from services.auth.tokens import Signer

SECRET = "a secret that is long enough for these tests 0123456789"
RETRY = {"base_seconds": 0.2, "cap_seconds": 1.0, "max_attempts": 3}


def make_config(**changes: Any) -> dict[str, Any]:
    """The settings as shipped, on free ports, with quick retries."""
    config = settings.load()
    config |= {"JWT_SECRET": SECRET, "BCRYPT_ROUNDS": 4, "RETRY": dict(RETRY), **changes}
    config["HTTP"] |= {"host": "127.0.0.1", "ports": dict.fromkeys(config["HTTP"]["ports"], 0)}
    return config


def eventually(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """What the condition returns as soon as it is true; fails when it does not come true in time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        eventlet.sleep(0.02)
    return found


class Running:
    """A service's container.

    With ``loads_sessions`` it asks the user service which sessions have ended, as every process does;
    without, it is told that none has, since most tests run a service alone.
    """

    def __init__(self, service: type, config: dict[str, Any], loads_sessions: bool = False) -> None:
        self.container = SuiteContainer(service, config)
        self.container.start()
        if not loads_sessions and RevocationFeed in self.container.shared_extensions:
            self.sessions.complete(time.monotonic())

    @property
    def feed(self) -> RevocationFeed:
        """How it hears of ended sessions."""
        found: RevocationFeed = self.container.shared_extensions[RevocationFeed]
        return found

    @property
    def sessions(self) -> RevokedSessions:
        """What it knows of ended sessions."""
        return self.feed.known

    @property
    def is_alive(self) -> bool:
        """Whether nothing has ended it."""
        return not self.container._died.ready() and not self.container._being_killed

    def provider(self, name: str) -> Any:
        """The provider behind an attribute of the service class."""
        return next(one for one in self.container.dependencies if one.attr_name == name)

    def inject(self, name: str, **context: str) -> Any:
        """What a worker with this context would find in the attribute."""
        entrypoint = SimpleNamespace(method_name="test")
        return self.provider(name).get_dependency(
            WorkerContext(self.container, None, entrypoint, data=context)
        )

    def stop(self) -> None:
        """Stop in order, or at once if that hangs."""
        with eventlet.Timeout(10, False):
            self.container.stop()
            return
        self.container.kill()


class Wire:
    """Messages as anybody with the broker's address can send and take them."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.connection = Connection(uri)
        self.channel: Any = self.connection.default_channel

    def send(
        self, body: Any, queue: str = "", exchange: str = "", headers: Any = None, **properties: Any
    ) -> None:
        """Publish bytes, or anything else as JSON; ``content_type=None`` leaves that property out."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        usual = {"content_type": "application/json", "content_encoding": "utf-8", **properties}
        known = {name: value for name, value in usual.items() if value is not None}
        self.channel.basic_publish(
            amqp.Message(raw, application_headers=headers or {}, **known), exchange, queue
        )

    def send_raw(self, properties: tuple[int, bytes], body: bytes, exchange: str, *routing_keys: str) -> None:
        """Publish with properties that are bytes already, to each key, in one write."""
        number, connection = self.channel.channel_id, self.channel.connection
        each = [(exchange, routing_key) for routing_key in routing_keys]
        written = [frames.publish(number, one, properties, body, connection.frame_max) for one in each]
        connection.transport.write(b"".join(written))

    def count(self, queue: str) -> int:
        """How many messages wait in a queue."""
        return int(self.channel.queue_declare(queue, passive=True).message_count)

    def take(self, queue: str, seconds: float = 10) -> Any:
        """The next message of a queue."""
        return eventually(lambda: self.channel.basic_get(queue, no_ack=True), seconds)

    def purge(self, *queues: str) -> None:
        """Empty some queues."""
        for queue in queues:
            self.channel.queue_purge(queue)

    def close(self) -> None:
        """Close the connection."""
        self.connection.release()


class SessionList:
    """What a process that starts asks of the user service, for tests that run without that."""

    name = "users"
    ended: list[str] = []
    at_once = 2

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def revoked_sessions(self, after: str = "") -> dict[str, Any]:
        """A part of the list."""
        part = sorted(one for one in self.ended if one > after)[: self.at_once]
        return {"session_ids": part, "next": part[-1] if len(part) == self.at_once else None}


class Somebody:
    """A user (or administrator, or service) in front of the running services, calling by RPC."""

    def __init__(
        self, config: dict[str, Any], user_id: str = "", role: str = "user", as_service: bool = False,
        **context: str,
    ) -> None:  # fmt: skip
        self.user_id = user_id or str(uuid.uuid4())
        self.session_id = str(uuid.uuid4())
        token = Signer(SECRET, 3600, 3600).access_token(self.user_id, role, self.session_id)
        data = {"auth_token": token, "request_id": f"r-{self.user_id}", **context}
        if as_service:
            data["service_token"] = _proof(config)
        self._proxy = ClusterRpcProxy(config, context_data=data, timeout=15)
        self.call: Any = self._proxy.start()

    def stop(self) -> None:
        """Close the connection."""
        self._proxy.stop()


def _proof(config: dict[str, Any]) -> str:
    tokens = Tokens()
    tokens.container = SimpleNamespace(config=config, service_name="auth")
    tokens.setup()
    return tokens.service_token()
