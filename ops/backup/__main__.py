"""`make backup`: a consistent copy of all data in one archive, while the suite runs."""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import closing
from typing import Any

from ops.backup import place
from ops.backup.command import run
from ops.backup.source import SETTLE_SECONDS, Stores, backup
from ops.run import LOCAL
from ops.runner.console import Console


def work(options: Namespace, config: dict[str, Any], console: Console) -> None:
    """Makes the archive, then removes old ones."""
    keep, target = place.number_to_keep(options.keep), place.archive_path(options.to, LOCAL / "backups")
    with place.alone(target.parent), place.servers(config, LOCAL, console, suite_may_run=True) as url:
        with closing(Stores.of(config, url)) as stores:
            backup(stores, target, console.say, options.settle)
        for path in place.remove_old(target.parent, keep):
            console.say(f"Removed {path.name}")


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(prog="python -m ops.backup", description=__doc__)
    parser.add_argument("--to", default="", help="file or directory; .local/backups if it is not given")
    parser.add_argument("--keep", default="", help="how many archives are to stay there; all if not given")
    parser.add_argument(
        "--settle", type=float, default=SETTLE_SECONDS,
        help="seconds after which the broker's statistics are true: its collect_statistics_interval",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(run(parser(), sys.argv[1:], work))
