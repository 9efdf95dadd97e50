"""PostgreSQL's own programs: which ones, and what they say when they fail."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from ops.backup.refusal import BackupError


def program(name: str, wanted: int = 0) -> str:
    """The one of the wanted version, or else the newest: pg_dump reads older servers, and no newer ones."""
    found = {major(path.parents[1].name): path for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")}
    chosen = found.get(wanted) or found.get(max(found, default=0))
    path = str(chosen) if chosen else shutil.which(name)
    if not path:
        raise BackupError(f"{name} is not installed: run 'apt-get install postgresql-client'.")
    return path


def output(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run one, with no PG variables but these; what it prints, or BackupError with its first complaint."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(
        command, env=kept | (environment or {}), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise BackupError(f"{Path(command[0]).name}: {lines[0].split(': ', 1)[-1]}")
    return done.stdout


def major(version: str) -> int:
    """The first number in a version."""
    found = re.search(r"\d+", version)
    return int(found[0]) if found else 0
