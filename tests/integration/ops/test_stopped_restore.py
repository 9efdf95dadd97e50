"""A restore that is stopped half-way, by Ctrl-C or SIGTERM: it ends at once, says so, and another works."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.postgres import make_engine, migrate
from common.storage import StorageUnavailable
from ops.backup.refusal import HALF, BackupError
from ops.backup.source import Stores, backup
from ops.engines import PostgreSQL, RabbitMQ
from services.users.storage import UserStorage
from tests.integration.databases import new_database
from tests.integration.ops.guarded import ADMIN, GuardedMongoDB
from tests.integration.running import eventually, make_config
from tests.suite import ROOT

# The command itself, in a checkout's place of its own: `make run` may be using this one's.
COMMAND = """
import sys
from pathlib import Path
from ops import restore
restore.LOCAL = Path(sys.argv[1])
sys.exit(restore.run(restore.parser(), sys.argv[2:], restore.work))
"""


@dataclass
class Place:
    """Servers with an archive of what is in them."""

    stores: Stores
    postgresql: PostgreSQL
    settings: dict[str, str]
    local: Path

    def restore(self) -> subprocess.Popen[str]:
        """Begin one that drops what is there."""
        options = [str(self.local), "--from", str(self.local / "suite.tar.gz"), "--force", "yes"]
        command = [sys.executable, "-W", "ignore", "-c", COMMAND, *options]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self.settings}
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def ask(self, query: str) -> Any:
        """The first value of PostgreSQL's answer."""
        with closing(self.postgresql.connect(self.stores.postgres.name)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            (found,) = cursor.fetchall()
            return found[0]

    def kept(self) -> tuple[int, int]:
        """How many rows and documents there are."""
        return self.ask("SELECT count(*) FROM kept"), self.stores.mongo.client.todos.todos.count_documents({})


@pytest.fixture
def place(
    vhost_uri: str,
    rabbitmq: RabbitMQ,
    postgresql: PostgreSQL,
    guarded_mongodb: GuardedMongoDB,
    tmp_path: Path,
) -> Iterator[Place]:
    uri = guarded_mongodb.uri_of(ADMIN)
    for where in new_database(postgresql):
        config = make_config(AMQP_URI=vhost_uri, POSTGRES=where, MONGODB_URI=uri)
        stores = Stores.of(config, rabbitmq.management_url)
        settings = {
            "RABBITMQ_URL": vhost_uri, "RABBITMQ_MANAGEMENT_URL": rabbitmq.management_url, "MONGODB_URI": uri,
            "DB_HOST": where["host"], "DB_PORT": str(where["port"]), "DB_USERNAME": where["username"],
            "DB_PASSWORD": where["password"], "DB_NAME": where["database"],
        }  # fmt: skip
        made = Place(stores, postgresql, settings, tmp_path)
        stores.mongo.clear()
        stores.mongo.client.todos.todos.insert_many([{"_id": number} for number in range(3)])
        made.ask("CREATE TABLE kept AS SELECT 1 AS id; COMMIT; SELECT 1")
        backup(stores, tmp_path / "suite.tar.gz", print, settle_seconds=0)
        yield made
        stores.mongo.clear()
        stores.close()


@contextmanager
def table_in_use(place: Place) -> Iterator[Callable[[], bool]]:
    """Somebody reads, so that dropping has to wait."""
    with closing(place.postgresql.connect(place.stores.postgres.name)) as reader:
        reader.cursor().execute("SELECT * FROM kept")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backup'"
        yield lambda: place.ask(f"{waiting} AND wait_event_type = 'Lock'") == 1
        assert place.ask(f"{waiting} AND wait_event_type = 'Lock'") == 0


@contextmanager
def documents_blocked(place: Place) -> Iterator[Callable[[], bool]]:
    """MongoDB takes no writes, so that restoring them has to wait."""
    admin = place.stores.mongo.client.admin
    admin.command("fsync", lock=True)
    try:
        yield lambda: any(
            one.get("waitingForLock") for one in admin.command("currentOp", appName="backup")["inprog"]
        )
    finally:
        admin.command("fsyncUnlock")


@pytest.mark.parametrize(
    ("held_up", "number"), [(table_in_use, signal.SIGINT), (documents_blocked, signal.SIGTERM)]
)
def test_a_restore_that_is_stopped_half_way_ends_at_once_says_so_and_can_be_made_again(
    place: Place, held_up: Any, number: signal.Signals
) -> None:
    with held_up(place) as is_held_up:
        process = place.restore()
        eventually(is_held_up)
        process.send_signal(number)
        process.send_signal(number)
        told, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert told.splitlines()[-2:] == [HALF, "error: stopped before it was done."]
    assert place.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    assert list((place.local / "backups").glob(".suite-backup-*")) == []
    with pytest.raises(BackupError, match="A restore has begun and not ended"):
        backup(place.stores, place.local / "half.tar.gz", print, settle_seconds=0)
    with pytest.raises(StorageUnavailable, match="the data are not whole: make it again with FORCE=yes"):
        migrate(make_engine(place.stores.config["POSTGRES"], "test"), UserStorage.migrations)

    again = place.restore()
    told, _ = again.communicate(timeout=30)
    assert (again.returncode, place.kept()) == (0, (1, 3)), told
    assert not place.stores.postgres.is_half_restored()
