"""The servers that tests run against: real ones, private, on free ports, gone afterwards.

An engine that can't be started fails the tests that need it; nothing is skipped.
"""

import eventlet

eventlet.monkey_patch()

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common import config as settings
from ops.engines import MongoDB, PostgreSQL, RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from ops.engines.ports import free_port

SECRET = "a secret that is long enough for these tests 0123456789"

# What an operator's shell has set must not leak into the tests' settings.
for name in (
    "RABBITMQ_URL",
    "MONGODB_URI",
    "JWT_SECRET",
    "JWT_SECRET_PREVIOUS",
    "JWT_SECRET_SINCE",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "JWT_ALGORITHM",
    "JWT_PRIVATE_KEY",
    "JWT_PUBLIC_KEYS",
    "DB_HOST",
    "DB_PORT",
    "DB_PASSWORD",
    "DB_NAME",
    "ENV",
    "TLS_CERT",
    "TLS_KEY",
    "CORS_ORIGINS",
    "TRUSTED_PROXIES",
    "RATE_LIMIT_ENABLED",
    "RATE_LIMIT_STORAGE_URI",
):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    yield from _running(RabbitMQ(tmp_path_factory.mktemp("rabbitmq"), free_port(), free_port(), fast=True))


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    directory = tmp_path_factory.mktemp("postgresql")
    yield from _running(PostgreSQL(directory, free_port(), "postgres", "postgres", "users_db", fast=True))


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoDB]:
    yield from _running(MongoDB(tmp_path_factory.mktemp("mongodb"), free_port(), fast=True))


@pytest.fixture(scope="session")
def mailcatcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailCatcher]:
    yield from _running(MailCatcher(tmp_path_factory.mktemp("mails"), free_port(), free_port()))


@pytest.fixture(scope="session")
def mongo_uri(mongodb: MongoDB) -> str:
    return mongodb.uri


@pytest.fixture
def amqp_uri(rabbitmq: RabbitMQ) -> Iterator[str]:
    """A virtual host of this test's own."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield rabbitmq.add_vhost(name)
    rabbitmq.delete_vhost(name)


@pytest.fixture
def config() -> dict[str, Any]:
    """The settings as shipped, on free ports, with a secret and cheap hashes."""
    config = settings.load(Path(settings.ROOT) / "config.yml")
    config |= {"JWT_SECRET": SECRET, "BCRYPT_ROUNDS": 4}
    config["HTTP"] |= {"host": "127.0.0.1", "ports": dict.fromkeys(config["HTTP"]["ports"], 0)}
    return config


def _running(engine: Any) -> Iterator[Any]:
    engine.start()
    try:
        engine.wait_ready(60)
        yield engine
    finally:
        engine.kill()
