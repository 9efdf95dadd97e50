"""`make restore`: what an archive of `make backup` holds, back into empty servers."""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path
from typing import Any

from ops.backup import archive, place
from ops.backup.command import run
from ops.backup.manifest import Manifest
from ops.backup.refusal import BackupError
from ops.backup.source import Stores
from ops.backup.target import restore
from ops.run import LOCAL
from ops.runner.console import Console


def work(options: Namespace, config: dict[str, Any], console: Console) -> None:
    """Restores, or refuses before anything is touched."""
    if not options.source:
        raise BackupError("Say from which archive: make restore FROM=.local/backups/suite-....tar.gz")
    if options.force not in ("", "no", "yes"):
        raise BackupError(f"FORCE is {options.force!r}: only FORCE=yes drops what is there.")
    if options.check not in ("", "no", "yes"):
        raise BackupError(
            f"CHECK is {options.check!r}: only CHECK=yes reads the archive, and restores nothing."
        )
    source = Path(options.source).absolute()
    if options.check == "yes":
        console.say(f"{source} is whole: {_contents(archive.check(source))}")
        return
    archive.look(source)  # before servers are started for it
    scratch = LOCAL / "backups" if place.is_writable(LOCAL) else source.parent
    with (
        place.alone(scratch, place.RESTORE),
        place.servers(config, LOCAL, console, place.RESTORE) as url,
        closing(Stores.of(config, url)) as stores,
    ):
        restore(stores, source, console.say, scratch, options.force == "yes")


def _contents(manifest: Manifest) -> str:
    size = sum(member.bytes for member in manifest.members.values())
    made = f"made {manifest.created_at} by version {manifest.version}"
    return f"{made}, {len(manifest.members)} members, {size / 1e6:,.1f} MB, each with its checksum"


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(prog="python -m ops.restore", description=__doc__)
    parser.add_argument("--from", dest="source", default="", help="the archive")
    parser.add_argument("--check", default="", help="yes: read the archive to its end, and touch nothing")
    parser.add_argument("--force", default="", help="yes: drop what is there first")
    return parser


if __name__ == "__main__":
    sys.exit(run(parser(), sys.argv[1:], work))
