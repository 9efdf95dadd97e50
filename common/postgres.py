"""PostgreSQL as the suite uses it: green psycopg2 with real time-outs, migrations, an outbox table.

``Database`` of nameko-sqlalchemy gives sessions that commit or roll back; this adds what production
asks for. The event of a change is a row of ``outbox``, written in the change's own transaction.
"""

from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import eventlet
import psycopg2
import psycopg2.errors
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nameko_sqlalchemy.database import Database, Session
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.orm import sessionmaker

from common import metrics
from common.health import Probe
from common.logging import get_logger
from common.outbox import Entry, Lag, Publish, Relay
from common.storage import UNFINISHED_RESTORE, Door, StorageUnavailable
from common.trust import UNTRUSTED, libpq

log = get_logger()
_CONNECT_SECONDS = 3
_START_SECONDS = 60
_POOL_SIZE = 16
_MIGRATION_LOCK = 7_130_001
_LOGIN, _TLS = "DB_USERNAME, DB_PASSWORD, DB_NAME", "DB_SSLMODE, DB_SSLROOTCERT"
_REFUSALS = {
    "password authentication failed": _LOGIN, "no pg_hba.conf entry": _LOGIN, "permission denied": _LOGIN,
    "does not exist": _LOGIN, UNTRUSTED: _TLS, "server certificate for": _TLS, "does not support SSL": _TLS,
}  # fmt: skip
"""What no further attempt will change, and the variables to look at."""
_SERVER_SETTINGS = (
    "-c statement_timeout=8000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=30000"
)
_BATCH = 500


translated = Door("postgresql", SQLAlchemyError).translated


class PostgresOutbox:
    """The rows of the table ``outbox``; see :class:`common.outbox.Store`.

    ``SKIP LOCKED`` lets relays of several instances work side by side. A relay takes the oldest rows that
    nobody has, and of those leaves alone what comes after a row of the same aggregate that somebody else
    has: so the events of one user arrive in their order, many of them in one transaction.
    """

    _TAKE = text("""
        WITH mine AS MATERIALIZED (
            SELECT id, aggregate FROM outbox ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
        ), theirs AS (
            SELECT aggregate, min(id) AS first FROM outbox
            WHERE id < (SELECT max(id) FROM mine) AND id NOT IN (SELECT id FROM mine) GROUP BY aggregate
        )
        DELETE FROM outbox USING mine LEFT JOIN theirs USING (aggregate)
        WHERE outbox.id = mine.id AND (theirs.first IS NULL OR mine.id < theirs.first)
        RETURNING outbox.id, outbox.source, outbox.name, outbox.payload""")
    _LAG = text("SELECT count(*) AS pending, min(payload->>'occurred_at') AS oldest FROM outbox")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.has_more = False

    def drain(self, publish: Publish) -> int:
        """Publish a batch inside the transaction that removes it: it stays if that fails."""
        with translated(), self.engine.begin() as connection:
            rows = sorted(connection.execute(self._TAKE, {"batch": _BATCH}).all())
            if rows:
                publish([Entry(row.source, row.name, row.payload) for row in rows])
        self.has_more = len(rows) == _BATCH
        return len(rows)

    def lag(self) -> Lag:
        """How many rows there are, and since when the oldest."""
        with translated(), self.engine.connect() as connection:
            found = connection.execute(self._LAG).one()
        return Lag(found.pending, datetime.fromisoformat(found.oldest) if found.oldest else None)


class PostgresStorage(Database):
    """Base of a service's storage provider; ``migrations`` is the folder of its Alembic scripts."""

    migrations: Path
    relay = Relay()

    def setup(self) -> None:
        """Connect, wait a while for the server, migrate, and tell the relay where events lie."""
        self.dbs: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self.engine = make_engine(self.container.config["POSTGRES"], self.container.service_name)
        self.Session = sessionmaker(bind=self.engine, class_=Session, expire_on_commit=False)
        pool: Any = self.engine.pool
        metrics.show_pool("postgresql", _POOL_SIZE, pool.checkedout)
        self._wait_for_server()
        self._migrate()
        self.outbox = PostgresOutbox(self.engine)
        self.relay.attach(self.outbox)

    def stop(self) -> None:
        """Publish what is left, then close."""
        self.relay.finish()
        super().stop()

    def worker_teardown(self, worker_ctx: Any) -> None:
        """Nothing: a repository's sessions end with their transactions."""

    def probe(self) -> None:
        """Ask the server for a sign of life; raises if there is none."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def probes(self) -> tuple[Probe, ...]:
        """The server, and how far the outbox is behind."""
        behind = Probe("outbox", lambda: self.outbox.lag().report(), critical=False)
        return Probe("postgresql", self.probe), behind

    def _migrate(self) -> None:
        try:
            migrate(self.engine, self.migrations)
        except ProgrammingError as problem:
            if not isinstance(problem.orig, psycopg2.errors.InsufficientPrivilege):
                raise
            raise StorageUnavailable(
                "the tables are not of this version, and DB_USERNAME may not change them: run"
                " `python -m ops.migrate` with the login that owns them."
            ) from None

    def _wait_for_server(self) -> None:
        with eventlet.Timeout(_START_SECONDS, StorageUnavailable("no PostgreSQL: check DB_HOST and DB_PORT")):
            while not self._answers():
                eventlet.sleep(1)
        log.info("database_up", database="postgresql", name=self.container.config["POSTGRES"]["database"])

    def _answers(self) -> bool:
        try:
            self.probe()
        except SQLAlchemyError as problem:
            for refusal, variables in _REFUSALS.items():
                if refusal in str(problem):
                    reason = str(getattr(problem, "orig", problem)).strip().splitlines()[-1]
                    raise StorageUnavailable(f"PostgreSQL refuses: {reason}. Check {variables}.") from None
            log.warning("database_unreachable", database="postgresql", error=str(problem).splitlines()[0])
            return False
        return True


def migrate(engine: Engine, scripts: Path) -> None:
    """Bring the tables to this version by the Alembic scripts of a folder; newer tables stay as they are.

    A process of this version may start while the version after it is taking over, and works with its tables.
    """
    # The lock lets one of several instances that start together do it; the others find it done.
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        try:
            _refuse_half_restored(connection)
            settings = AlembicConfig(attributes={"connection": connection})
            settings.set_main_option("script_location", str(scripts).replace("%", "%%"))
            if newer := _unknown(connection, ScriptDirectory.from_config(settings)):
                log.warning("tables_newer", revisions=" ".join(newer))
            else:
                command.upgrade(settings, "head")
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})


def _refuse_half_restored(connection: Connection) -> None:
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": UNFINISHED_RESTORE}):
        raise StorageUnavailable(
            "a restore has begun and not ended, so the data are not whole: make it again with FORCE=yes."
        )


def _unknown(connection: Connection, scripts: ScriptDirectory) -> set[str]:
    """What the tables say of themselves that no script of this version knows."""
    known = {script.revision for script in scripts.walk_revisions()}
    return set(MigrationContext.configure(connection).get_current_heads()) - known


def make_engine(settings: dict[str, Any], service: str) -> Engine:
    """An engine for the ``POSTGRES`` settings, under the service's name.

    Values never appear in errors: they may be personal.
    """
    url = URL.create(
        "postgresql+psycopg2", settings["username"], str(settings["password"]),
        settings["host"], settings["port"], settings["database"],
    )  # fmt: skip

    def connect() -> Any:
        # libpq ignores connect_timeout when it is green, and would wait for a mute server for ever.
        late = psycopg2.OperationalError("no answer in time")
        with eventlet.Timeout(_CONNECT_SECONDS, late):
            return psycopg2.connect(
                **libpq(settings), options=_SERVER_SETTINGS, application_name=service, keepalives_idle=30,
                keepalives_interval=10, keepalives_count=3, tcp_user_timeout=15_000,
            )  # fmt: skip

    return create_engine(
        url, creator=connect, pool_pre_ping=True, pool_size=_POOL_SIZE, max_overflow=0, pool_timeout=3,
        pool_recycle=1800, hide_parameters=True,
    )  # fmt: skip
