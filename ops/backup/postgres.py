"""PostgreSQL by its own tools: pg_dump in a snapshot taken before, pg_restore in one transaction."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from common.storage import UNFINISHED_RESTORE
from common.trust import libpq
from ops.backup.programs import major, output, program
from ops.backup.refusal import BackupError
from ops.backup.statements import CONNECT_SECONDS

NO_SUCH_DATABASE = "3D000"
_TIMEOUT_OF_TRANSACTIONS = 17
"""The version whose pg_restore begins with ``SET transaction_timeout``, which older servers refuse."""
_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relname <> %s
    AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema' ORDER BY 1"""
_LOCK = 0x73756974655F  # "suite_", for who asks pg_locks
_ROUTINES = """
    SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"""
_KINDS = "SELECT relkind FROM pg_class WHERE oid = %s::regclass"
_DROP = {"v": "VIEW", "m": "MATERIALIZED VIEW"}


class Snapshot:
    """One instant of the database, for as long as the transaction that took it is open."""

    def __init__(self, key: str, cursor: Any) -> None:
        self.key, self._cursor = key, cursor

    def rows(self) -> dict[str, int]:
        """The rows of each table."""
        return _counts(self._cursor)


class Postgres:
    """The database of the ``POSTGRES`` settings."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self.name = str(settings["database"])

    def version(self) -> str:
        """The server's version; BackupError if pg_dump is older, which it would refuse later."""
        server = self._server()
        ours = self._version_of("pg_dump", server)
        if ours < major(server):
            raise BackupError(
                f"pg_dump is of version {ours}, PostgreSQL of version {major(server)}: "
                f"install postgresql-client-{major(server)} or a newer one."
            )
        return server

    def can_restore(self) -> None:
        """BackupError if pg_restore says what the server does not understand: from 17 on, one setting."""
        server = self._server()
        if major(server) < _TIMEOUT_OF_TRANSACTIONS <= (ours := self._version_of("pg_restore", server)):
            raise BackupError(
                f"pg_restore is of version {ours}, and PostgreSQL of version {major(server)} does not "
                f"understand it: install postgresql-client-{major(server)}."
            )

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Hold on to the instant of this call, which other connections can read, too."""
        with self._session("ISOLATION LEVEL REPEATABLE READ, READ ONLY") as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            key = cursor.fetchone()[0]
            yield Snapshot(key, cursor)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One restore at a time, from whatever machine, and no backup beside it."""
        with self._locked("pg_try_advisory_lock", "A backup or another restore is going on"):
            yield

    @contextmanager
    def unrestored(self) -> Iterator[None]:
        """No restore meanwhile, whose half a backup would take for the whole."""
        with self._locked("pg_try_advisory_lock_shared", "A restore is going on"):
            yield

    def begin_restore(self) -> None:
        """Note that what is there is not whole from now on: a process that is killed tells nobody."""
        with self._session() as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {UNFINISHED_RESTORE} ()")

    def end_restore(self) -> None:
        """It is whole."""
        with self._session() as cursor:
            cursor.execute(f"DROP TABLE {UNFINISHED_RESTORE}")

    def is_half_restored(self) -> bool:
        """Whether a restore has begun and not ended."""
        with self._session() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (UNFINISHED_RESTORE,))
            return bool(cursor.fetchone()[0])

    def dump(self, snapshot: Snapshot, path: Path) -> None:
        """Write the database as of the snapshot, in pg_dump's own format; the archive compresses it."""
        options = ["--format=custom", "--compress=0", "--no-owner", "--no-privileges"]
        self._run("pg_dump", *options, f"--snapshot={snapshot.key}", f"--file={path}")

    def tables(self) -> list[str]:
        """What is there; nothing if there is no such database."""
        try:
            with self._session() as cursor:
                cursor.execute(_TABLES, (UNFINISHED_RESTORE,))
                return [row[0] for row in cursor.fetchall()]
        except NoDatabase:
            return []

    def make(self) -> None:
        """Make the database if there is none."""
        try:
            with self._session():
                return
        except NoDatabase:
            self._make()

    def clear(self) -> None:
        """Drop every table, view and function, and keep the database with its rights."""
        with self._session() as cursor:
            cursor.execute(_TABLES, (UNFINISHED_RESTORE,))
            for (name,) in cursor.fetchall():
                cursor.execute("SELECT to_regclass(%s)", (name,))
                if cursor.fetchone()[0]:
                    cursor.execute(_KINDS, (name,))
                    cursor.execute(f"DROP {_DROP.get(cursor.fetchone()[0], 'TABLE')} {name} CASCADE")
            cursor.execute(_ROUTINES)
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP ROUTINE {name} CASCADE")

    def restore(self, path: Path) -> dict[str, int]:
        """Read a dump into the empty database, wholly or not at all; its rows by table."""
        options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
        self._run("pg_restore", *options, f"--dbname={self.name}", str(path))
        with self._session() as cursor:
            cursor.execute("ANALYZE")
            return _counts(cursor)

    @contextmanager
    def _locked(self, function: str, otherwise: str) -> Iterator[None]:
        """Hold the lock by a connection of its own, with which it goes, however this process ends."""
        connection = self._connect(self.name)
        connection.autocommit = True
        with closing(connection):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {function}(%s)", (_LOCK,))
                is_held = cursor.fetchone()[0]
            if not is_held:
                raise BackupError(f"{otherwise}: wait for its end.")
            yield

    def _server(self) -> str:
        with self._session() as cursor:
            cursor.execute("SHOW server_version")
            return str(cursor.fetchone()[0]).split(maxsplit=1)[0]

    @staticmethod
    def _version_of(name: str, server: str) -> int:
        return major(output([program(name, major(server)), "--version"]))

    def _make(self) -> None:
        connection = self._connect("postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))
        except psycopg2.Error as problem:
            raise BackupError(
                f"PostgreSQL has no database {self.name!r}, and none can be made: {_line(problem)}; make it."
            ) from problem
        finally:
            connection.close()

    @contextmanager
    def _session(self, kind: str = "") -> Iterator[Any]:
        connection = self._connect(self.name)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"BEGIN {kind}")
                yield cursor
                cursor.execute("COMMIT")
        except psycopg2.Error as problem:
            raise BackupError(f"PostgreSQL: {_line(problem)}.") from problem
        finally:
            connection.close()

    def _connect(self, database: str) -> Any:
        settings = self._settings
        try:
            return psycopg2.connect(
                **libpq({**settings, "database": database}),
                connect_timeout=CONNECT_SECONDS,
                application_name="backup",
            )
        except psycopg2.OperationalError as problem:
            if f'"{database}" does not exist' in str(problem):
                raise NoDatabase(f"PostgreSQL has no database {database!r}: check DB_NAME.") from problem
            raise BackupError(f"PostgreSQL: {_line(problem)}; check DB_HOST and the login.") from problem

    def _run(self, name: str, *options: str) -> None:
        """The login goes by the environment, since everybody can read a process's arguments."""
        settings = self._settings
        where = {
            "PGHOST": str(settings["host"]), "PGPORT": str(settings["port"]), "PGDATABASE": self.name,
            "PGUSER": str(settings["username"]), "PGPASSWORD": str(settings["password"]),
            "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS), "PGOPTIONS": "-c statement_timeout=0", "LC_ALL": "C",
        }  # fmt: skip
        tls = {"PGSSLMODE": settings.get("sslmode"), "PGSSLROOTCERT": settings.get("sslrootcert")}
        command = [program(name, major(self._server())), *options]
        output(command, where | {key: str(value) for key, value in tls.items() if value})


class NoDatabase(BackupError):
    """The server has no database of that name."""


def _counts(cursor: Any) -> dict[str, int]:
    cursor.execute(_TABLES, (UNFINISHED_RESTORE,))
    counts = {}
    for (name,) in cursor.fetchall():
        cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - quoted by regclass
        counts[name] = int(cursor.fetchone()[0])
    return counts


def _line(problem: BaseException) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0].rstrip(".")
