"""The events that are with the broker while a backup is made, which are in no database yet.

An event leaves its outbox when the broker has it, and is in a consumer's database only when that has
handled it. So that none is missing that was published before the snapshots:

1. A queue of the backup's own gets a copy of every event from now on, and of everything that moves to the
   delays or to the dead letters.
2. What stands in the queues is read, and put back.
3. What is in neither was in a consumer's hands: it is waited for, until it is handled or moves.

After the snapshots the backup's queue is read, up to the marks that they have left in it, and removed. What
it holds may have been handled meanwhile; published again after a restore, it is known by its id.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
from amqp.exceptions import NotFound
from kombu import Connection, Queue

from common import events, topology
from common.broker import connect
from common.events import Event
from ops.backup.definitions import Management
from ops.backup.messages import translated, write

EXPIRES_MS = 120_000
_PATIENCE = 3
"""How many times as long is waited for consumers that always have something in their hands. With the usual 5
seconds it is 15, after which any call of theirs and any database has answered or failed."""
_REISSUED = ("messaging", "notifications")
"""Whose events need not be copied: the ledger and the delivery log tell what was under way."""
_MARK = "backup-mark"
OWN = "backup-"
"""How the name of the backup's own queue begins; twelve hexadecimal digits follow."""


def heard() -> list[tuple[Event, str]]:
    """The events that are copied, and the queues in which they wait for who listens."""
    return [
        (event, topology.event_queue(event, service).name)
        for service, known in events.SUBSCRIBERS.items()
        for event in known
        if event.source not in _REISSUED
    ]


class UnderWay:
    """Copies what is with the broker into a file, a message a line."""

    def __init__(self, config: dict[str, Any], management: Management) -> None:
        self._config, self._management = config, management
        self._queues = {name for _, name in heard()}

    @contextmanager
    def kept(self, path: Path, settle_seconds: float) -> Iterator["Copies"]:
        """Keep what is under way while the block runs, and from some seconds before it on."""
        with translated(), connect(self._config) as connection, path.open("w") as file:
            own = self._begin(connection)
            copies = Copies(connection, own)
            try:
                for message in self._standing(connection):
                    copies.standing += write(file, message)
                self._settle(settle_seconds)
                yield copies
                for message in copies.all_needed():
                    copies.published += self._is_wanted(message) and write(file, message)
            finally:
                connection.default_channel.queue_delete(own)

    def _begin(self, connection: Connection) -> str:
        channel, name = connection.default_channel, f"{OWN}{uuid.uuid4().hex[:12]}"
        for entity in topology.everything(self._config):
            needed = not isinstance(entity, Queue) or entity.name == topology.DEAD_LETTERS
            # A user with the rights of a backup alone may not declare them, so they are asked for first.
            if needed and not topology.is_there(connection, entity):
                topology.declare_one(connection, entity)
        lease = {"x-expires": EXPIRES_MS}
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=lease)
        for event in dict.fromkeys(event for event, _ in heard()):
            channel.queue_bind(name, f"{event.source}.events", event.name)
        channel.queue_bind(name, topology.DELAYS.name, arguments={"x-match": "all"})
        channel.queue_bind(name, topology.DEAD_LETTERS)
        return name

    def _settle(self, seconds: float) -> None:
        """Wait until what consumers had in their hands is handled, or back with the broker."""
        begun = time.monotonic()
        time.sleep(seconds)
        while time.monotonic() - begun < seconds * _PATIENCE:
            held = self._management.queues()
            if not any(held.get(name) for name in self._queues):
                return
            time.sleep(0.5)

    def _standing(self, connection: Connection) -> Iterator[amqp.Message]:
        """All that waits in the queues; first in the delays, since it goes on from there."""
        names = self._management.queues()
        delays = sorted(name for name in names if name.startswith("delay-"))
        for name in [*delays, *sorted(self._queues & names.keys()), topology.DEAD_LETTERS]:
            found = _peek(connection, name)
            yield from (_at(name, one) for one in found if name not in delays or self._is_wanted(one))

    def _is_wanted(self, message: amqp.Message) -> bool:
        info = message.delivery_info
        return info["exchange"] != topology.DELAYS.name or info["routing_key"] in self._queues


class Copies:
    """What is kept of a backup's events: how many stood in queues, and were published meanwhile."""

    def __init__(self, connection: Connection, own: str) -> None:
        self.standing = self.published = 0
        self._channel, self._own = connection.channel(), own

    def needed_from_now_on(self, *sources: str) -> None:
        """Whose events are still needed; with none, the copying is over.

        What a database that has been read announces now is in its outbox there, or younger than the backup.
        """
        mark = amqp.Message(json.dumps(sources), type=_MARK)
        self._channel.basic_publish(mark, "", self._own)
        self._channel.queue_declare(self._own, passive=True)  # answered when the mark is there

    def all_needed(self) -> Iterator[amqp.Message]:
        """What has been published until the copying was over."""
        exchanges: set[str] | None = None
        for message in _drain(self._channel, self._own):
            if message.properties.get("type") == _MARK:
                exchanges = {f"{source}.events" for source in json.loads(message.body)}
                if not exchanges:
                    return
            elif exchanges is None or message.delivery_info["exchange"] in exchanges:
                yield message


def _drain(channel: Any, queue: str, no_ack: bool = True) -> Iterator[amqp.Message]:
    channel.auto_decode = False  # bodies stay as they are
    while (message := channel.basic_get(queue, no_ack=no_ack)) is not None:
        yield message


def _peek(connection: Connection, queue: str) -> Iterator[amqp.Message]:
    """All in a queue; the broker puts it back in its place with the channel's end."""
    try:
        with connection.channel() as channel:
            yield from _drain(channel, queue, no_ack=False)
    except NotFound:
        return  # a queue of delays that was not used for a while goes away, and may still be listed


def _at(queue: str, message: amqp.Message) -> amqp.Message:
    """The message with the place to put it back to: the queue where it stood, or is going from there."""
    info = message.delivery_info
    if queue == topology.DEAD_LETTERS:
        info |= {"exchange": topology.DEAD_LETTERS}
    elif not queue.startswith("delay-"):
        info |= {"exchange": "", "routing_key": queue}
    return message
