"""A suite of which one half is the version before: where its files come from, and how both are run."""

import io
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import eventlet

from tests.chaos.test_exactly_once import World
from tests.suite import ROOT, SERVICES

NAMED_IN = Path(__file__).parent / "version_before.txt"


def version_before(directory: Path) -> Path:
    """The files of the version before. A shallow clone fetches them; without a way to them the test fails."""
    commit = NAMED_IN.read_text().split()[0]
    if _git("cat-file", "-e", f"{commit}^{{commit}}").returncode:
        fetched = _git("fetch", "--quiet", "--depth=1", "origin", commit)
        assert not fetched.returncode, (
            f"the version before, {commit}, is not in this clone and can't be fetched; clone all"
            f" of the history (in a CI: fetch-depth: 0): {fetched.stderr.decode()}"
        )
    archive = _git("archive", commit)
    assert not archive.returncode, archive.stderr.decode()
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(directory / "before", filter="data")
    return directory / "before"


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, timeout=300, check=False)


class TwoVersions(World):
    """`todos` is of the version before, `todos.2` of this one, and so are the others."""

    def before_start(self) -> None:
        """Begin with the version before alone."""
        self.suite.roots = dict.fromkeys(SERVICES, version_before(self.suite.directory))

    def tables(self) -> str:
        """The migration to which the user service's tables have come."""
        connection = self.postgresql.connect(self.postgresql.database)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT version_num FROM alembic_version")
                return str(cursor.fetchone()[0])
        finally:
            connection.close()

    def start_new(self) -> None:
        """A process of this version beside each; until both gateways know all twelve."""
        for service in SERVICES:
            self.suite.start(f"{service}.2")
            eventlet.sleep(0.5)
        self.wait_for_all()

    def stop_old(self) -> None:
        """Stop the processes of the version before, the gateway first."""
        for service in reversed(SERVICES):
            self.suite.signal(service, signal.SIGTERM)
            assert self.suite.processes.pop(service).wait(30) == 0
        self.suite.wait_ready()

    def wait_for_all(self) -> None:
        """Until each of ten connections in a row meets a gateway that knows all processes."""
        end, in_a_row = time.monotonic() + 60, 0
        while in_a_row < 10:
            dead = [name for name, one in self.suite.processes.items() if one.poll() is not None]
            assert not dead and time.monotonic() < end, f"ended: {dead}\n{self.suite.logs(30)}"
            known = {one["pid"] for one in self.admin.get("/api/services").json()}
            wanted = {process.pid for process in self.suite.processes.values()}
            in_a_row = in_a_row + 1 if known >= wanted else 0
            eventlet.sleep(0.1)
