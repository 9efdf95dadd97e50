"""Whether a restore may write here: nothing runs, and nothing is there that it would mix with."""

from collections.abc import Iterator
from contextlib import contextmanager

from amqp.exceptions import NotFound
from kombu import Connection, Queue

from common import topology
from common.broker import connect
from ops.backup.messages import translated
from ops.backup.mongo import Tell
from ops.backup.refusal import BackupError
from ops.backup.source import Stores


def make_room(stores: Stores, tell: Tell, force: bool) -> None:
    """Refuse while services run, or if something is there; with ``force`` that is dropped."""
    with _broker(stores) as connection:
        queues = _queues(stores)
        depths = {name: depth for name in queues if (depth := _depth(connection, name))}
        running = sorted({_owner(name) for name, (_, consumers) in depths.items() if consumers})
        if running:
            raise BackupError(f"The suite runs ({', '.join(running)}): stop all services first.")
        waiting = {name: messages for name, (messages, _) in depths.items() if messages}
        tables, collections = stores.postgres.tables(), stores.mongo.collections()
        found = _found(stores, tables, collections, waiting)
        if found and not force:
            raise BackupError(f"Not empty: {found}. FORCE=yes drops that, and then restores.")
        if found:
            tell(f"Dropping {found}")
            _drop(stores, connection, waiting)
    stores.postgres.make()


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


def _drop(stores: Stores, connection: Connection, waiting: dict[str, int]) -> None:
    if stores.postgres.tables():
        stores.postgres.clear()
    stores.mongo.clear()
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
