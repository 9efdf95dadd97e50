"""A private PostgreSQL: password logins on the loopback interface, data in its directory."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from ops.engines.ports import LOOPBACK, answers
from ops.engines.process import Engine, EngineError, LoginRefused

# PostgreSQL refuses to run as root. Its own user may not be able to enter the
# folders above the checkout (such as /root), so it keeps that one right of root's.
KEEP_RIGHT_TO_ENTER = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
# Commits still reach the operating system, so a killed server loses none of them.
DURABILITY_OFF = ("fsync=off", "full_page_writes=off")
WRONG_LOGIN = ("28P01", "28000")


class PostgreSQL(Engine):
    """A server with one role and one database, made at its first start."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast shutdown": ends sessions, then closes the files

    def __init__(
        self,
        directory: Path,
        port: int,
        username: str,
        password: str,
        database: str = "users_db",
        fast: bool = False,
    ) -> None:
        super().__init__(directory, port)
        self.username, self.password, self.database = username, password, database
        self._fast = fast

    @property
    def uri(self) -> str:
        """The database's address, without a driver's name."""
        return self.uri_of(self.database)

    def uri_of(self, database: str) -> str:
        """The address of one of the server's databases."""
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{login}@{LOOPBACK}:{self.port}/{quote(database, safe='')}"

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.directory / "data"

    def prepare(self) -> None:
        """Makes the data directory once; one that was left half made is made anew."""
        if (self.data / "PG_VERSION").exists():
            return
        password_file = self.directory / "password"
        partial = self.directory / "data.part"
        shutil.rmtree(partial, ignore_errors=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.password + "\n")
        try:
            self._make_directory(partial)
            self._hand_over(password_file)
            self._initialise(partial, password_file)
            partial.rename(self.data)
        finally:
            password_file.unlink()

    def command(self) -> list[str]:
        """The server's command line: no Unix socket, no shared configuration."""
        settings = [
            f"port={self.port}",
            f"listen_addresses={LOOPBACK}",
            "unix_socket_directories=",
            "max_connections=200",
        ]
        settings += DURABILITY_OFF if self._fast else ()
        options = [part for setting in settings for part in ("-c", setting)]
        return [*_as_server_user(), str(_programs() / "postgres"), "-D", str(self.data), *options]

    def environment(self) -> dict[str, str]:
        """Messages in English; none of the caller's PG variables."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
        return kept | {"LANG": "C.UTF-8", "HOME": str(self.directory)}

    def is_ready(self) -> bool:
        """Whether the role can log in."""
        if not answers(LOOPBACK, self.port):
            return False
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError as error:
            if error.pgcode in WRONG_LOGIN or "authentication failed" in str(error):
                raise LoginRefused(f"PostgreSQL refuses the login of {self.username!r}") from error
            return False
        return True

    def connect(self, database: str) -> psycopg2.extensions.connection:
        """A connection to one of the server's databases."""
        return psycopg2.connect(self.uri_of(database), connect_timeout=5)

    def finish_setup(self) -> None:
        """Makes the database if it is not there."""
        connection = self.connect("postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (self.database,))
                if not cursor.fetchone():
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))
        finally:
            connection.close()

    def _initialise(self, target: Path, password_file: Path) -> None:
        sync = ["--no-sync"] if self._fast else []
        command = [
            *(*_as_server_user(), str(_programs() / "initdb"), "-D", str(target)),
            *("-U", self.username, f"--pwfile={password_file}", "-A", "scram-sha-256"),
            *("-E", "UTF8", "--locale=C.UTF-8", *sync),
        ]
        result = subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise EngineError(f"PostgreSQL's initdb failed:\n{result.stderr.strip()}")

    def _make_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        self._hand_over(path)

    def _hand_over(self, path: Path) -> None:
        if os.geteuid() == 0:
            user = _server_user()
            os.chown(path, user.pw_uid, user.pw_gid)


def _programs() -> Path:
    """The newest installed PostgreSQL's programs."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        raise EngineError("PostgreSQL is not installed: run ops/install.sh")
    return max(found, key=lambda path: float(path.parent.name))


def _server_user() -> pwd.struct_passwd:
    """The user that the package made, or the one that every machine has."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _as_server_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    user = _server_user()
    # A change of user clears the death signal that the parent's setpriv has set.
    identity = ["--pdeathsig", "INT", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, *KEEP_RIGHT_TO_ENTER]
