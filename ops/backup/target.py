"""A restore, step by step: everything is checked before anything is written.

The databases come first, and the events last: when the services start, what they are told of is there.
"""

import json
import time
from pathlib import Path

from ops.backup import archive, messages
from ops.backup.manifest import Manifest
from ops.backup.mongo import Tell, translated
from ops.backup.refusal import BackupError
from ops.backup.reissue import reissue
from ops.backup.room import room
from ops.backup.signals import SIGNALS
from ops.backup.source import DEFINITIONS, EVENTS, MONGODB, POSTGRESQL, Stores


def restore(stores: Stores, source: Path, tell: Tell, scratch: Path, force: bool = False) -> Manifest:
    """Write what an archive holds into empty servers; with ``force`` they are emptied first.

    The archive is unpacked under ``scratch`` for the time.
    """
    began = time.monotonic()
    with archive.workplace(scratch) as folder:
        manifest = archive.unpack(source, folder)
        tell(f"{source}: of {manifest.created_at}, version {manifest.version}; all checksums are right")
        _check(source, manifest)
        stores.versions()
        stores.postgres.can_restore()
        with room(stores, tell, force):
            _write(stores, folder, manifest, tell)
        SIGNALS.finish()
        tell(f"Restored in {time.monotonic() - began:.1f} s; the services can be started now")
    return manifest


def _check(source: Path, manifest: Manifest) -> None:
    """BackupError for one that is well packed, and lacks a part."""
    lacking = [name for name in (POSTGRESQL, DEFINITIONS, EVENTS) if name not in manifest.members]
    lacking += [f"count of {part}" for part in ("postgresql", "mongodb") if part not in manifest.counts]
    if lacking:
        raise BackupError(f"{source} is no whole archive of the suite: it has no {lacking[0]}.")


def _write(stores: Stores, folder: Path, manifest: Manifest, tell: Tell) -> None:
    rows = stores.postgres.restore(folder / POSTGRESQL)
    _compare("PostgreSQL", rows, manifest.counts["postgresql"])
    tell(f"PostgreSQL: {len(rows)} tables, {sum(rows.values()):,} rows")
    documents = stores.mongo.restore(folder / MONGODB, tell)
    _compare("MongoDB", documents, manifest.counts["mongodb"])
    with translated():
        asked, told = reissue(stores.mongo.client, *stores.mongo.mail_databases)
    tell(f"Messages under way: {len(asked):,} asked for again, {told:,} known to be sent or cancelled")
    stores.management.define(json.loads((folder / DEFINITIONS).read_text()))
    published = messages.publish(stores.config, folder / EVENTS, skip=asked)
    tell(f"RabbitMQ: declared; {published:,} events that were under way are in their queues again")


def _compare(server: str, found: dict[str, int], expected: dict[str, int]) -> None:
    if found != expected:
        names = found.keys() | expected.keys()
        wrong = min(name for name in names if found.get(name) != expected.get(name))
        raise BackupError(
            f"{server}: {wrong} has {found.get(wrong)}, and not {expected.get(wrong)} as the manifest says."
        )
