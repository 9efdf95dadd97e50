"""Whether a restore may write here: nothing runs, and nothing is there that it would mix with."""

from collections.abc import Iterator
from contextlib import contextmanager

from amqp.exceptions import NotFound
from kombu import Connection, Queue

from common import topology
from common.broker import connect
from ops.backup.messages import translated
from ops.backup.mongo import Tell
from ops.backup.refusal import BackupError, told_if_half_done
from ops.backup.source import Stores


@contextmanager
def room(stores: Stores, tell: Tell, force: bool) -> Iterator[None]:
    """Refuse while services run, or if something is there; with ``force`` that is dropped.

    Nobody else restores while the block runs, and nobody makes a backup of what is half there.
    """
    with _broker(stores) as connection:
        waiting = _waiting(stores, connection)
    found = _found(stores, stores.postgres.tables(), stores.mongo.collections(), waiting)
    if found and not force:
        raise BackupError(f"Not empty: {found}. FORCE=yes drops that, and then restores.")
    stores.postgres.make()
    with stores.postgres.alone(), told_if_half_done(tell):
        stores.postgres.begin_restore()
        if found:
            tell(f"Dropping {found}")
            _drop(stores, waiting)
        yield
        stores.postgres.end_restore()


def _waiting(stores: Stores, connection: Connection) -> dict[str, int]:
    """How many messages each queue holds that is not empty; BackupError if somebody consumes."""
    depths = {name: depth for name in _queues(stores) if (depth := _depth(connection, name))}
    running = sorted({_owner(name) for name, (_, consumers) in depths.items() if consumers})
    if running:
        raise BackupError(f"The suite runs ({', '.join(running)}): stop all services first.")
    return {name: messages for name, (messages, _) in depths.items() if messages}


def _found(stores: Stores, tables: list[str], collections: list[str], waiting: dict[str, int]) -> str:
    parts = []
    if tables:
        parts.append(f"PostgreSQL's {stores.postgres.name} has {len(tables)} tables")
    if collections:
        databases = dict.fromkeys(name.partition(".")[0] for name in collections)
        parts.append(f"MongoDB has {len(collections)} collections in {', '.join(databases)}")
    if waiting:
        parts.append(f"RabbitMQ has {sum(waiting.values()):,} messages in {len(waiting)} queues")
    return "; ".join(parts)


def _drop(stores: Stores, waiting: dict[str, int]) -> None:
    if stores.postgres.tables():
        stores.postgres.clear()
    stores.mongo.clear()
    with _broker(stores) as connection:
        for name in waiting:
            connection.default_channel.queue_purge(name)


def _queues(stores: Stores) -> list[str]:
    """The suite's queues, and those where events wait before another attempt."""
    known = [one.name for one in topology.everything(stores.config) if isinstance(one, Queue)]
    return [*known, *(name for name in stores.management.queues() if name.startswith("delay-"))]


def _depth(connection: Connection, queue: str) -> tuple[int, int] | None:
    """Messages and consumers; None if there is no such queue."""
    try:
        with connection.channel() as channel:
            found = channel.queue_declare(queue, passive=True)
    except NotFound:
        return None
    return found.message_count, found.consumer_count


def _owner(queue: str) -> str:
    """The service that consumes from a queue."""
    if queue == topology.DEAD_LETTERS:
        return "messaging"
    return queue.partition("--")[2].partition(".")[0] or queue.removeprefix("rpc-")


@contextmanager
def _broker(stores: Stores) -> Iterator[Connection]:
    with translated(), connect(stores.config) as connection:
        yield connection
