"""TLS to the servers: what goes over it, and that a certificate which is not trusted ends the start."""

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from pymongo import MongoClient
from sqlalchemy import text

from common import events, topology
from common.broker import ConfirmedPublisher
from common.mongo import MongoStorage
from common.postgres import PostgresStorage, make_engine
from common.rpc import Service
from common.storage import StorageUnavailable
from common.transport.link import Link
from ops.engines import MongoDB, PostgreSQL, RabbitMQ
from ops.runner.logins import check_mongodb, check_postgresql, check_rabbitmq
from tests.certificates import Pair, make_pair
from tests.integration.common.tls_relay import TlsRelay
from tests.integration.conftest import Run
from tests.integration.running import Running, Wire, eventually, make_config
from tests.integration.second_attempts import EVENT, SecondAttempts


class Caller(SecondAttempts):
    """Calls, and hears of an event."""

    name = "caller"
    target: Any = Service("target", deadline=5)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def broker_uri(pair: Pair, rabbitmq: RabbitMQ, vhost_uri: str) -> Iterator[str]:
    """The broker behind TLS, which asks for a certificate as well."""
    relay = TlsRelay(pair, rabbitmq.port, asks_back=True)
    plain, encrypted = f"127.0.0.1:{rabbitmq.port}", f"localhost:{relay.port}"
    yield vhost_uri.replace("amqp://", "amqps://").replace(plain, encrypted)
    relay.stop()


@pytest.fixture
def mongodb_relay(pair: Pair, mongodb: MongoDB) -> Iterator[TlsRelay]:
    relay = TlsRelay(pair, mongodb.port)
    yield relay
    relay.stop()


@pytest.fixture
def encrypted(postgresql: PostgreSQL, pair: Pair) -> Iterator[dict[str, Any]]:
    """The tests' PostgreSQL speaks TLS for a while; the settings that lead there."""
    owner = postgresql.data.stat()
    for name, content in (("tls.crt", pair.certificate), ("tls.key", pair.key)):
        path = postgresql.data / name
        path.write_bytes(content.read_bytes())
        path.chmod(0o600)
        os.chown(path, owner.st_uid, owner.st_gid)
    files = ("SET ssl_cert_file = 'tls.crt'", "SET ssl_key_file = 'tls.key'")
    _alter(postgresql, *files, "SET ssl = on")
    yield {
        "host": "localhost", "port": postgresql.port, "username": postgresql.username,
        "password": postgresql.password, "database": "postgres", "sslmode": "verify-full",
        "sslrootcert": str(pair.certificate),
    }  # fmt: skip
    _alter(postgresql, "RESET ssl", "RESET ssl_cert_file", "RESET ssl_key_file")


def test_calls_events_and_retries_go_over_tls_with_a_certificate_of_one_s_own(
    target: Running, run: Run, wire: Wire, broker_uri: str, pair: Pair
) -> None:
    files = {"ca": str(pair.certificate), "cert": str(pair.certificate), "key": str(pair.key)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.SUBSCRIBERS, "caller", (EVENT,))
        caller = run(
            Caller, _config(broker_uri, files, RPC_TRANSPORT=target.container.config["RPC_TRANSPORT"])
        )
        pool, values = eventlet.GreenPool(20), ["x" * size for size in (1, 100_000, 300_000)] * 10
        assert list(pool.imap(lambda value: caller.inject("target").echo(value=value), values)) == values
        Caller.hears(wire)
        link = caller.container.shared_extensions.get(Link)
        if link is not None and link.is_used:
            link._wire.cut("as when heartbeats are missing")
            eventually(lambda: link.is_open)
            assert caller.inject("target").echo(value="again") == "again"
        assert caller.is_alive
        assert caller.container.shared_extensions[ConfirmedPublisher]._connection.ssl
        with eventlet.Timeout(8):  # a stop that waits for the farewell of a silent broker never ends
            caller.container.stop()
    check_rabbitmq(broker_uri, caller.container.config["AMQP_SSL"])


def test_a_broker_that_is_not_trusted_ends_the_start(broker_uri: str, stranger: Pair) -> None:
    provider = topology.Topology()
    provider.container = SimpleNamespace(config=_config(broker_uri, {"ca": str(stranger.certificate)}))
    with pytest.raises(topology.TopologyError, match=r"is not trusted: .*Check RABBITMQ_CA"):
        provider.setup()


def test_postgresql_is_spoken_to_over_tls(encrypted: dict[str, Any]) -> None:
    engine = make_engine(encrypted, "test")
    with engine.connect() as connection:
        asked = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert connection.execute(asked).scalar() is True
    engine.dispose()
    check_postgresql(encrypted)


def test_a_postgresql_that_is_not_trusted_ends_the_start(encrypted: dict[str, Any], stranger: Pair) -> None:
    storage = PostgresStorage(None)
    storage.engine = make_engine(encrypted | {"sslrootcert": str(stranger.certificate)}, "test")
    with pytest.raises(StorageUnavailable, match=r"verify failed\. Check DB_SSLMODE, DB_SSLROOTCERT"):
        storage._wait_for_server()


def test_mongodb_is_spoken_to_over_tls(mongodb_relay: TlsRelay, pair: Pair) -> None:
    uri = _mongodb_uri(mongodb_relay, pair)
    with MongoClient[dict[str, Any]](uri) as client:
        assert client.admin.command("ping")["ok"] == 1
    check_mongodb(uri)


def test_a_mongodb_that_is_not_trusted_ends_the_start(mongodb_relay: TlsRelay, stranger: Pair) -> None:
    storage = MongoStorage()
    storage.client = MongoClient(_mongodb_uri(mongodb_relay, stranger), serverSelectionTimeoutMS=500)
    storage.db = storage.client["todos"]
    with storage.client, pytest.raises(StorageUnavailable, match="Check tlsCAFile in MONGODB_URI"):
        storage._wait_for_server()


def _config(uri: str, files: dict[str, str], **more: Any) -> dict[str, Any]:
    return make_config(AMQP_URI=uri, RABBITMQ_TLS={"ca": "", "cert": "", "key": "", **files}, **more)


def _mongodb_uri(relay: TlsRelay, pair: Pair) -> str:
    return f"mongodb://localhost:{relay.port}/?directConnection=true&tls=true&tlsCAFile={pair.certificate}"


def _alter(postgresql: PostgreSQL, *changes: str) -> None:
    connection = postgresql.connect("postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        for change in changes:
            cursor.execute(f"ALTER SYSTEM {change}")
        cursor.execute("SELECT pg_reload_conf()")
    wanted = "on" if "SET ssl = on" in changes else "off"
    eventually(lambda: _shown(postgresql) == wanted)
    connection.close()


def _shown(postgresql: PostgreSQL) -> str:
    connection = postgresql.connect("postgres")
    with connection.cursor() as cursor:
        cursor.execute("SHOW ssl")
        (value,) = cursor.fetchone() or ("",)
    connection.close()
    return str(value)
