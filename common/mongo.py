"""MongoDB as the suite uses it: one client a process, short time-outs, and an outbox inside documents.

The event of a change lies in the changed document (``outbox``, an array), so one write stores both;
no transaction is needed for a single document. ``outbox_at`` is when another instance may take over
what the writer has not published, and a sparse index on it makes that search cheap.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider
from pymongo import ASCENDING, MongoClient, periodic_executor
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from common import clock, metrics, pace
from common.health import Probe
from common.logging import get_logger
from common.outbox import Entry, Lag, Publish, Relay
from common.storage import Door, StorageUnavailable
from common.trust import UNTRUSTED

log = get_logger()
Document = dict[str, Any]
HIDDEN = {"outbox": 0, "outbox_at": 0}
_BATCH, _SOME, _MOST_HINTS = 200, 20, 2000
_CLOSED = {"$unset": {"outbox": "", "outbox_at": ""}}
_TAKEOVER_SECONDS, _LOOK_SECONDS = 5, 2
_START_SECONDS = 60
_AUTHENTICATION_FAILED = (13, 18)
_OTHER_OPTIONS = 85
DUPLICATE_KEY = 11000


class _Paced:
    """The clock of the driver's own periodic work, which looks twice a second whether it is time."""

    monotonic = staticmethod(monotonic)

    @staticmethod
    def sleep(seconds: float) -> None:
        """Until a moment at which the process is awake anyway."""
        time.sleep(pace.until_next(seconds))


vars(periodic_executor)["time"] = _Paced

translated = Door("mongodb", PyMongoError).translated


class AlreadyThere(Exception):
    """A document with this key exists, or one that is not as the upsert wants it."""


@contextmanager
def unique() -> Iterator[None]:
    """``translated`` for a write whose key may be taken: AlreadyThere then, which is no outage."""
    with translated():
        try:
            yield
        except DuplicateKeyError:
            raise AlreadyThere from None


def with_event(event: Document) -> Document:
    """The part of an update that stores an event's entry with the change."""
    return {
        "$push": {"outbox": event},
        "$set": {"outbox_at": clock.now() + timedelta(seconds=_TAKEOVER_SECONDS)},
    }


def holding(*entries: Document) -> Document:
    """The fields of a new document that store its first events with it."""
    return {"outbox": list(entries), "outbox_at": clock.now() + timedelta(seconds=_TAKEOVER_SECONDS)}


def entry(source: str, name: str, payload: Document) -> Document:
    """An event as it lies in a document."""
    return {"source": source, "name": name, "payload": payload}


def insert_new(collection: Collection[Document], documents: list[Document]) -> list[Document]:
    """Insert those whose key is not taken, each by itself or not at all; those that were."""
    if not documents:
        return []
    with translated():
        try:
            collection.insert_many(documents, ordered=False)
        except BulkWriteError as problem:
            errors = problem.details["writeErrors"]
            if problem.details["writeConcernErrors"] or any(one["code"] != DUPLICATE_KEY for one in errors):
                raise
            there = {one["index"] for one in errors}
            return [one for number, one in enumerate(documents) if number not in there]
    return documents


class MongoOutbox:
    """The entries inside one collection's documents; see :class:`common.outbox.Store`."""

    def __init__(self, collection: Collection[Document]) -> None:
        self.collection = collection
        # What is published and not removed is published again, which does no harm: no need to wait for disks.
        self._unflushed = collection.with_options(write_concern=WriteConcern(w=1))
        self._hints: list[tuple[Any, tuple[Document, ...]]] = []
        self._next_look = 0.0

    @property
    def has_more(self) -> bool:
        """Whether there are hints, or it is time to look for what others have left."""
        return bool(self._hints) or monotonic() >= self._next_look

    def prepare(self) -> None:
        """Make the index that finds documents whose events are still to be published."""
        with translated():
            self.collection.create_index("outbox_at", sparse=True)

    def hint(self, identifier: Any, *entries: Document) -> None:
        """Remember a document that this process has just written an event into.

        Whoever has made the document, so that nobody's events can be in it before these, hands its
        ``entries`` over, and it need not be read again.
        """
        if len(self._hints) < _MOST_HINTS:  # what exceeds it is found in the store when it is overdue
            self._hints.append((identifier, entries))

    def drain(self, publish: Publish) -> int:
        """Publish the events of hinted documents, else of those whose writer has not done it in time."""
        hints, self._hints = self._hints[:_BATCH], self._hints[_BATCH:]
        with translated():
            documents = self._hinted(hints) if hints else self._overdue()
        entries = [Entry(**raw) for document in documents for raw in document["outbox"]]
        if entries:
            publish(entries)
        if documents:
            with translated():
                self._remove([document["_id"] for document in documents], [one.event_id for one in entries])
        return len(entries) or len(documents)

    def lag(self) -> Lag:
        """How many documents hold events, and since when the oldest of them."""
        waiting = {"outbox_at": {"$exists": True}}
        with translated():
            pending = self.collection.count_documents(waiting)
            # Whoever takes a document over sets its time anew, so the first need not be the oldest.
            first = list(self.collection.find(waiting, {"outbox": 1}).sort("outbox_at").limit(_SOME))
        told = [raw["payload"]["occurred_at"] for document in first for raw in document["outbox"]]
        return Lag(pending, datetime.fromisoformat(min(told)) if told else None)

    def _hinted(self, hints: list[tuple[Any, tuple[Document, ...]]]) -> list[Document]:
        """The documents in the order of their hints; those without entries as they are in the store."""
        unread = [identifier for identifier, entries in hints if not entries]
        found = {}
        if unread:
            query = {"_id": {"$in": unread}, "outbox_at": {"$exists": True}}
            found = {document["_id"]: document for document in self.collection.find(query, {"outbox": 1})}
        documents: dict[Any, Document] = {}
        for identifier, entries in hints:
            # A document that was changed again holds what its maker handed over as well.
            if identifier in found:
                documents.setdefault(identifier, found[identifier])
            elif entries:
                documents.setdefault(identifier, {"_id": identifier, "outbox": entries})
        return list(documents.values())

    def _overdue(self) -> list[Document]:
        """Take over what is late: whoever sets the time anew has it, and nobody else until then."""
        self._next_look = monotonic() + _LOOK_SECONDS
        late, order = {"outbox_at": {"$lt": clock.now()}}, [("outbox_at", ASCENDING)]
        documents = list(self.collection.find(late, {"outbox": 1}, sort=order, limit=_BATCH))
        if not documents:
            return []
        if len(documents) == _BATCH:
            self._next_look = 0.0
        # Not to the millisecond the time that another sets at this moment: it tells whose a document is.
        mine = clock.now() + timedelta(seconds=_TAKEOVER_SECONDS, milliseconds=secrets.randbelow(1000))
        mine = mine.replace(microsecond=mine.microsecond // 1000 * 1000)
        those = {"_id": {"$in": [document["_id"] for document in documents]}}
        taken = self.collection.update_many({**those, **late}, {"$set": {"outbox_at": mine}})
        if taken.modified_count == len(documents):
            return documents
        # What another has taken, or its writer has published or added to meanwhile, is not this one's.
        return list(self.collection.find({**those, "outbox_at": mine}, {"outbox": 1}, sort=order))

    def _remove(self, identifiers: list[Any], event_ids: list[str]) -> None:
        """Take published entries out: as a rule nothing else is there, and one write a document does it."""
        those = {"_id": {"$in": identifiers}}
        others = {"outbox": {"$elemMatch": {"payload.event_id": {"$nin": event_ids}}}}
        done = self._unflushed.update_many({**those, "$nor": [others]}, _CLOSED)
        if done.matched_count < len(set(identifiers)):
            pull = {"$pull": {"outbox": {"payload.event_id": {"$in": event_ids}}}}
            self._unflushed.update_many({**those, "outbox_at": {"$exists": True}}, pull)


def expire(collection: Collection[Document], field: str, after: timedelta, which: Document) -> None:
    """Let the server remove documents like ``which`` that long after the time in ``field``.

    A setting that has changed holds for what is there already, too.
    """
    name, seconds = f"{field}_expires", int(after.total_seconds())
    with translated():
        try:
            collection.create_index(
                field, name=name, expireAfterSeconds=seconds, partialFilterExpression=which
            )
        except OperationFailure as problem:
            if problem.code != _OTHER_OPTIONS:
                raise
            change = {"name": name, "expireAfterSeconds": seconds}
            collection.database.command("collMod", collection.name, index=change)


class MongoStorage(DependencyProvider):
    """Base of a service's storage provider: ``database`` and ``outbox_in`` name what it owns.

    A subclass adds ``prepare`` (indexes, validators) and ``get_dependency`` (its repository).
    """

    database: str
    outbox_in: str
    relay = Relay()

    def setup(self) -> None:
        """Connect, wait a while for the server, make indexes, and tell the relay where events lie."""
        config = self.container.config
        self.client: MongoClient[Document] = MongoClient(
            config["MONGODB_URI"], appname=self.container.service_name, tz_aware=True,
            serverSelectionTimeoutMS=3000, connectTimeoutMS=2000, socketTimeoutMS=5000,
            waitQueueTimeoutMS=2000, maxPoolSize=config["max_workers"],
        )  # fmt: skip
        metrics.show_pool("mongodb", config["max_workers"], self._connections_in_use)
        self.db: Database[Document] = self.client[self.database]
        self.outbox = MongoOutbox(self.db[self.outbox_in])
        self._wait_for_server()
        self.prepare()
        self.outbox.prepare()
        self.relay.attach(self.outbox)

    def prepare(self) -> None:
        """Make what the service's collections need; nothing by default."""

    def stop(self) -> None:
        """Publish what is left, then close."""
        self.relay.finish()
        self.client.close()

    def probe(self) -> None:
        """Ask the server for a sign of life; raises if there is none."""
        self.client.admin.command("ping")

    def probes(self) -> tuple[Probe, ...]:
        """The server, and how far the outbox is behind."""
        behind = Probe("outbox", lambda: self.outbox.lag().report(), critical=False)
        return Probe("mongodb", self.probe), behind

    def announce(self, identifier: Any, *entries: Document) -> None:
        """Say that the document with this id was just written with an event in it (``entries``: made)."""
        self.outbox.hint(identifier, *entries)
        self.relay.wake()

    def _connections_in_use(self) -> float:
        # Its listeners would tell as well, at the price of three objects for each operation.
        servers: dict[Any, Any] = self.client._topology._servers
        return float(sum(server.pool.active_sockets for server in servers.values()))

    def _wait_for_server(self) -> None:
        with eventlet.Timeout(_START_SECONDS, StorageUnavailable("no MongoDB: check MONGODB_URI")):
            while not self._answers():
                eventlet.sleep(1)
        log.info("database_up", database="mongodb", name=self.database)

    def _answers(self) -> bool:
        try:
            self.db.list_collection_names()
        except OperationFailure as problem:
            if problem.code in _AUTHENTICATION_FAILED:
                raise StorageUnavailable(
                    f"MongoDB refuses the login: {problem}. Check MONGODB_URI."
                ) from None
            return False
        except PyMongoError as problem:
            if UNTRUSTED in str(problem):
                raise StorageUnavailable(
                    "MongoDB's certificate is not trusted. Check tlsCAFile in MONGODB_URI."
                ) from None
            log.warning("database_unreachable", database="mongodb", error=str(problem)[:200])
            return False
        return True
