"""Where archives lie, which are removed, and the servers that a command talks to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from common import clock
from ops.backup import archive
from ops.backup.definitions import management_url
from ops.backup.refusal import BackupError
from ops.backup.schedule import archives
from ops.backup.signals import SIGNALS
from ops.runner.console import Console
from ops.runner.preflight import RUN, Taken, take_lock
from ops.runner.servers import Servers

BACKUP, RESTORE = "make backup", "make restore"
_GOING_ON = {BACKUP: "A backup is being made", RESTORE: "A restore is going on"}


def archive_path(wanted: str, usual: Path, now: datetime | None = None) -> Path:
    """The file to write: the wanted one, or one with a usual name in the wanted or the usual directory."""
    name = (now or clock.now()).strftime("suite-%Y%m%dT%H%M%SZ.tar.gz")
    if not wanted:
        return usual / name
    path = Path(wanted).absolute()
    return path / name if path.is_dir() or wanted.endswith("/") else path


def folder_is_there(folder: Path, usual: Path) -> None:
    """Make the usual directory and no other: where a disk is not mounted, another one would be filled."""
    if folder == usual:
        folder.mkdir(parents=True, exist_ok=True)
    elif folder.exists() and not folder.is_dir():
        raise BackupError(f"{folder} is no directory: TO is one, or a file in one.")
    elif not folder.exists():
        raise BackupError(f"{folder} does not exist: make it, or mount what belongs there.")


def number_to_keep(text: str) -> int:
    """How many archives are to be kept; 0 for all."""
    if text and not (text.isdecimal() and 1 <= int(text) <= 100_000):
        raise BackupError(f"KEEP is {text!r}: it must be a whole number, 1 at least.")
    return int(text or 0)


def remove_old(folder: Path, keep: int) -> list[Path]:
    """Remove all archives with their usual names but the newest; those removed."""
    old = archives(folder)[:-keep] if keep else []
    for path in old:
        path.unlink()
    return old


@contextmanager
def alone(folder: Path, command: str) -> Iterator[None]:
    """One backup or restore at a time writes into a folder; what a killed one has left there is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = take_lock(folder / ".suite-backup.lock", command)
    except Taken as other:
        raise BackupError(f"{_going_on(other)} in {folder}: wait for its end.") from None
    with lock:
        archive.clean(folder)
        yield


def is_writable(local: Path) -> bool:
    """Whether this checkout is a place for data; a container's is not, and has no servers either."""
    return os.access(local if local.exists() else local.parent, os.W_OK)


@contextmanager
def servers(config: dict[str, Any], local: Path, console: Console, command: str) -> Iterator[str]:
    """The servers of `make run`, started for the time if nothing answers; the management API's address.

    Who has started them stops them again, so two backups share those of a running suite alone. In a container
    nothing can be started: the configured servers are all that there is.
    """
    if not is_writable(local):
        yield management_url(config, local)
        return
    try:
        lock = take_lock(local / "run.lock", command)
    except Taken as other:
        if other.command != RUN:
            raise BackupError(f"{_going_on(other)} in this checkout: wait for its end.") from None
        if command == RESTORE:
            raise BackupError("'make run' is running here: stop it first.") from None
        yield management_url(config, local)
        return
    started = Servers(config, local, console, with_mails=False)
    with lock:
        try:
            started.start()
            yield started.environment.get("RABBITMQ_MANAGEMENT_URL") or management_url(config, local)
        finally:
            with SIGNALS.putting_away():
                started.stop()


def _going_on(other: Taken) -> str:
    return _GOING_ON.get(other.command, _GOING_ON[BACKUP])
