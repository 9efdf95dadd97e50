"""`make backup`: a consistent copy of all data in one archive, while the suite runs.

With EVERY=24h it makes one after the other until it is stopped.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial
from typing import Any

from ops.backup import metrics, place, schedule
from ops.backup.command import FAILURES, run
from ops.backup.refusal import BackupError
from ops.backup.signals import Stopped
from ops.backup.source import SETTLE_SECONDS, Stores, backup, place_is_free
from ops.run import LOCAL
from ops.runner.console import Console


def work(options: Namespace, config: dict[str, Any], console: Console) -> None:
    """Makes the archive, then removes old ones; until it is stopped if that is to be done regularly."""
    between = schedule.every(options.every)
    if options.metrics and between is None:
        raise BackupError("METRICS tells of a schedule: it goes with EVERY.")
    make = partial(once, options, place.number_to_keep(options.keep), config, console)
    if between is None:
        make()
    else:
        regularly(make, options, between, console)


def once(options: Namespace, keep: int, config: dict[str, Any], console: Console) -> None:
    """Makes one archive."""
    target = place.archive_path(options.to, LOCAL / "backups")
    # Both before servers are started for it.
    place.folder_is_there(target.parent, LOCAL / "backups")
    place_is_free(target)
    with (
        place.alone(target.parent, place.BACKUP),
        place.servers(config, LOCAL, console, place.BACKUP) as url,
    ):
        with closing(Stores.of(config, url)) as stores:
            backup(stores, target, console.say, options.settle)
        for path in place.remove_old(target.parent, keep):
            console.say(f"Removed {path.name}")


def regularly(make: Callable[[], None], options: Namespace, between: timedelta, console: Console) -> None:
    """Makes one whenever the newest in the directory is old enough, until it is stopped."""
    target = place.archive_path(options.to, LOCAL / "backups")
    if not schedule.NAME.fullmatch(target.name):
        raise BackupError(f"TO is {options.to!r}: with EVERY it must be a directory (write {options.to}/).")
    if options.metrics:
        metrics.serve(metrics.place(options.metrics), target.parent, between)
    with suppress(Stopped):
        console.say(f"A backup is made every {options.every} in {target.parent}")
        schedule.repeat(make, target.parent, between, console.error, FAILURES)


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(prog="python -m ops.backup", description=__doc__)
    parser.add_argument("--to", default="", help="file or directory; .local/backups if it is not given")
    parser.add_argument("--keep", default="", help="how many archives are to stay there; all if not given")
    parser.add_argument(
        "--every", default="", help="the time between two (24h), until it is stopped; one if not given"
    )
    parser.add_argument("--metrics", default="", help="with --every: the port where Prometheus may ask")
    parser.add_argument(
        "--settle", type=float, default=SETTLE_SECONDS,
        help="seconds after which the broker's statistics are true: its collect_statistics_interval",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(run(parser(), sys.argv[1:], work))
