"""Writes of many green threads to a collection in one command: what has gathered while the last was made.

Each write is as durable as it would be alone, and each caller learns what became of its own. A server's
flush to disk, and most of what a command costs on both sides, is then shared by all that wait.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import eventlet
from eventlet.event import Event
from pymongo import InsertOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, WriteError

from common import tracing
from common.mongo import DUPLICATE_KEY, AlreadyThere, Document, translated, unique

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Insert:
    """A new document."""

    document: Document

    def make(self, collection: Collection[Document]) -> bool:
        """By itself."""
        collection.insert_one(self.document)
        return False

    def in_bulk(self) -> InsertOne[Document]:
        """As a part of a bulk."""
        return InsertOne(self.document)


@dataclass(frozen=True, slots=True)
class Update:
    """A change of the document that ``those`` finds; with ``upsert`` one is made where there is none."""

    those: Document
    change: Document
    upsert: bool = False

    def make(self, collection: Collection[Document]) -> bool:
        """By itself; whether it has made the document."""
        return collection.update_one(self.those, self.change, upsert=self.upsert).upserted_id is not None

    def in_bulk(self) -> UpdateOne:
        """As a part of a bulk."""
        return UpdateOne(self.those, self.change, upsert=self.upsert)


Change = Insert | Update


@dataclass(slots=True)
class _Write:
    change: Change
    done: Event = field(default_factory=Event)


class GroupCommit:
    """One for a collection and a process. The writes of a group have no order among themselves."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection
        self._waiting: deque[_Write] = deque()
        self._is_busy = False

    def write(self, change: Change) -> bool:
        """Make a change, and return when it is stored: whether it is an update that has made the document.

        AlreadyThere if the key is taken; else what the same write alone would raise.
        """
        if not self._is_busy:
            return self._write_alone(change)
        mine = _Write(change)
        self._waiting.append(mine)
        with tracing.below("mongodb", tracing.current.get()):  # the command itself belongs to many
            return bool(mine.done.wait())

    def _write_alone(self, change: Change) -> bool:
        """In the caller's own green thread; what gathers meanwhile is written in one of its own."""
        self._is_busy = True
        try:
            with unique():
                return change.make(self._collection)  # half of what the driver takes for a bulk of one
        finally:
            if self._waiting:
                eventlet.spawn(self._work)
            else:
                self._is_busy = False

    def _work(self) -> None:
        try:
            while self._waiting:
                self._write([self._waiting.popleft() for _ in islice(range(_AT_ONCE), len(self._waiting))])
        finally:
            self._is_busy = False

    def _write(self, writes: list[_Write]) -> None:
        try:
            with translated():
                outcomes = self._outcomes([one.change.in_bulk() for one in writes])
        except Exception as problem:
            outcomes = dict.fromkeys(range(len(writes)), problem)
        for number, one in enumerate(writes):
            outcome = outcomes.get(number, False)
            if isinstance(outcome, Exception):
                one.done.send_exception(outcome)
            else:
                one.done.send(outcome)

    def _outcomes(self, changes: list[InsertOne[Document] | UpdateOne]) -> dict[int, Any]:
        """What is to be told of those changes that did more, or less, than find their document."""
        try:
            done = self._collection.bulk_write(changes, ordered=False)
        except BulkWriteError as problem:
            if problem.details["writeConcernErrors"]:
                raise
            made: dict[int, Any] = {one["index"]: True for one in problem.details["upserted"]}
            return made | {one["index"]: _failure(one) for one in problem.details["writeErrors"]}
        return dict.fromkeys(done.upserted_ids or {}, True)


def _failure(told: Document) -> Exception:
    """What one change of a group failed for; the others are stored."""
    if told["code"] == DUPLICATE_KEY:
        return AlreadyThere()
    try:
        with translated():
            raise WriteError(told["errmsg"], told["code"], told)
    except Exception as problem:
        return problem
