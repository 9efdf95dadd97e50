"""A backup, step by step. The order is what makes it consistent:

1. From now on the broker's events are kept, too (:mod:`ops.backup.under_way`).
2. MongoDB's instant: todos, messages and deliveries, with the events that their outboxes hold.
3. PostgreSQL's instant, some milliseconds later. It is the later one since MongoDB's services follow the
   user service by its events: what happened to users in between is in PostgreSQL, and its event in the
   outbox there or among those kept. So after a restore the followers catch up, and are never ahead.
4. The events are kept no longer, and all is written down.
"""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import clock
from ops.backup import archive
from ops.backup.definitions import Management
from ops.backup.manifest import Manifest
from ops.backup.mongo import DATABASES, Mongo, Tell
from ops.backup.postgres import Postgres
from ops.backup.refusal import BackupError
from ops.backup.settings import without_secrets
from ops.backup.signals import SIGNALS
from ops.backup.under_way import UnderWay

POSTGRESQL, MONGODB = "postgresql/users.dump", "mongodb"
DEFINITIONS, EVENTS, SETTINGS = "rabbitmq/definitions.json", "rabbitmq/events.jsonl", "settings.json"
SETTLE_SECONDS = 5.0


@dataclass
class Stores:
    """All that keeps something, reached by the suite's settings."""

    config: dict[str, Any]
    management: Management
    postgres: Postgres
    mongo: Mongo

    @classmethod
    def of(
        cls, config: dict[str, Any], management_url: str, databases: tuple[str, ...] = DATABASES
    ) -> "Stores":
        """The stores of these settings."""
        management = Management(config, management_url)
        return cls(config, management, Postgres(config["POSTGRES"]), Mongo(config["MONGODB_URI"], databases))

    def close(self) -> None:
        """Hang up."""
        self.mongo.client.close()

    def versions(self) -> dict[str, str]:
        """Which servers they are; BackupError if one can't be used."""
        return {
            "postgresql": self.postgres.version(),
            "mongodb": self.mongo.version(),
            "rabbitmq": self.management.version(),
        }


def backup(stores: Stores, target: Path, tell: Tell, settle_seconds: float = SETTLE_SECONDS) -> Manifest:
    """Make the archive ``target``, all of it or nothing, while the suite runs."""
    place_is_free(target)
    began = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    servers = stores.versions()
    with archive.workplace(target.parent) as folder, stores.postgres.unrestored():
        if stores.postgres.is_half_restored():
            raise BackupError("A restore has begun and not ended: make it again with FORCE=yes first.")
        draft = _read(stores, folder, tell, servers, settle_seconds)
        tell("Packing")
        manifest = archive.pack(folder, draft, target)
        SIGNALS.finish()
    size, seconds = target.stat().st_size / 1e6, time.monotonic() - began
    tell(f"{target}: {size:,.1f} MB, in {seconds:.1f} s")
    return manifest


def place_is_free(target: Path) -> None:
    """BackupError if something is there that would be overwritten."""
    if target.exists():
        raise BackupError(f"{target} is there already: name another file.")


def _read(
    stores: Stores, folder: Path, tell: Tell, servers: dict[str, str], settle_seconds: float
) -> Manifest:
    for name in (POSTGRESQL, EVENTS):
        (folder / name).parent.mkdir()
    _write(folder / SETTINGS, without_secrets(stores.config))
    definitions = stores.management.definitions()
    _write(folder / DEFINITIONS, definitions)
    tell(f"RabbitMQ: {len(definitions['queues'])} queues; waiting for what consumers have in their hands")
    with ExitStack() as snapshots:
        with UnderWay(stores.config, stores.management).kept(folder / EVENTS, settle_seconds) as copies:
            documents = snapshots.enter_context(stores.mongo.snapshot())
            copies.needed_from_now_on("users")
            rows = snapshots.enter_context(stores.postgres.snapshot())
            copies.needed_from_now_on()
            moment = str(clock.to_text(clock.now()))
        events = {"standing": copies.standing, "published": copies.published}
        tell(f"All as of {moment}; RabbitMQ: {sum(events.values()):,} events under way")
        counts = {"rabbitmq": events, "mongodb": documents.dump(folder / MONGODB, tell)}
        counts["postgresql"] = rows.rows()
        stores.postgres.dump(rows, folder / POSTGRESQL)
    draft = Manifest(moment, counts, servers)
    tell(f"PostgreSQL: {len(counts['postgresql'])} tables, {draft.count('postgresql'):,} rows")
    return draft


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")
