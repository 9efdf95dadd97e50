"""Backups again and again: the next when the newest archive is old enough, whatever was restarted meanwhile.

``python -m ops.backup.schedule FOLDER EVERY`` asks whether they are made: its exit code is 0 if the newest is
younger than twice the time between two. It is asked often, so nothing heavy is imported here.
"""

import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from common import clock
from ops.backup.refusal import BackupError
from ops.backup.signals import CUT_SHORT, SIGNALS, Stopped

NAME = re.compile(r"suite-\d{8}T\d{6}Z\.tar\.gz")
AGAIN = timedelta(minutes=10)
"""After a failure, the next attempt is made no later than this."""


def archives(folder: Path) -> list[Path]:
    """All archives with their usual names, the oldest first."""
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name)) if folder.is_dir() else []


def moment(archive: Path) -> datetime:
    """Of when an archive with a usual name is."""
    return datetime.strptime(archive.name, "suite-%Y%m%dT%H%M%SZ.tar.gz").replace(tzinfo=UTC)


def newest(folder: Path, now: datetime) -> Path | None:
    """The newest archive; one from the future, of a clock that was wrong, tells nothing."""
    return next((path for path in reversed(archives(folder)) if moment(path) <= now), None)


def every(text: str) -> timedelta | None:
    """The time between two backups; None if one is to be made."""
    try:
        return clock.parse_duration(text) if text else None
    except ValueError as problem:
        raise BackupError(f"EVERY: {problem}.") from None


def until_due(folder: Path, between: timedelta, now: datetime) -> float:
    """Seconds until the next backup is to be made; one from the future counts as one of now."""
    age = _age(folder, now)
    return 0.0 if age is None else max(0.0, (between - max(age, timedelta())).total_seconds())


def is_fresh(folder: Path, between: timedelta, now: datetime) -> bool:
    """Whether there is an archive that is as new as it should be."""
    found = newest(folder, now)
    return found is not None and now - moment(found) < 2 * between


def repeat(
    make: Callable[[], None],
    folder: Path,
    between: timedelta,
    told: Callable[[str], None],
    failures: tuple[type[Exception], ...] = (BackupError,),
    wait: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Make backups until Stopped is raised; one that failed is told, and tried again soon."""
    pause = until_due(folder, between, clock.now())
    while True:
        SIGNALS.go_on()
        wait(pause)
        try:
            make()
            pause = until_due(folder, between, clock.now())
        except failures as problem:
            told(str(problem))
            pause = min(between, AGAIN).total_seconds()
        except Stopped:
            told(CUT_SHORT)
            sys.exit(1)


def _age(folder: Path, now: datetime) -> timedelta | None:
    found = archives(folder)
    return now - moment(found[-1]) if found else None


if __name__ == "__main__":
    sys.exit(not is_fresh(Path(sys.argv[1]), clock.parse_duration(sys.argv[2]), clock.now()))
