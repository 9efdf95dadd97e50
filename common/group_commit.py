"""Writes of many green threads to a collection in one command: what has gathered while the last was made.

Each write is as durable as it would be alone, and each caller learns what became of its own. A server's
flush to disk, and most of what a command costs on both sides, is then shared by all that wait.

Whoever will have something to write says so (:meth:`GroupCommit.expecting`), and is waited for a moment by
those that are there already: what has begun together goes on together, with one command for each step. A
write that no other is expected to join is made at once.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.hubs import get_hub
from pymongo import InsertOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from common import tracing
from common.errors import Unavailable
from common.mongo import Document, translated, unique
from common.mongo_insert import insert_at_once, write_error

_AT_ONCE = 100
_PATIENCE_SECONDS = 0.02
"""How long those that are there wait for the others that are expected."""


@dataclass(frozen=True, slots=True)
class Insert:
    """A new document."""

    document: Document

    def make(self, collection: Collection[Document]) -> bool:
        """By itself."""
        insert_at_once(collection, self.document)
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


@dataclass(frozen=True, slots=True)
class Late:
    """A change that tells the time: it is put together when it is its turn."""

    change: Callable[[], Insert | Update]

    def make(self, collection: Collection[Document]) -> bool:
        """By itself."""
        return self.change().make(collection)

    def in_bulk(self) -> "_InBulk":
        """As a part of a bulk."""
        return self.change().in_bulk()


Change = Insert | Update | Late
_InBulk = InsertOne[Document] | UpdateOne


@dataclass(slots=True)
class _Write:
    change: Change
    done: Event = field(default_factory=Event)


class GroupCommit:
    """One for a collection and a process. The writes of a group have no order among themselves."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection
        self._waiting: deque[_Write] = deque()
        self._expected = 0
        self._is_busy = False
        self._patience: Any = None

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Say that writes will come, one at a time, while the block runs."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1
            self._look()  # the others need not wait for this one any more

    def write(self, change: Change) -> bool:
        """Make a change, and return when it is stored: whether it is an update that has made the document.

        AlreadyThere if the key is taken; else what the same write alone would raise.
        """
        if not self._is_busy and not self._expected:
            return self._write_alone(change)
        mine = _Write(change)
        self._waiting.append(mine)
        self._look()
        with tracing.below("mongodb", tracing.current.get()):  # the command itself belongs to many
            return bool(mine.done.wait())

    def _write_alone(self, change: Change) -> bool:
        """In the caller's own green thread; what gathers meanwhile is written in one of its own."""
        self._is_busy = True
        try:
            with unique():
                return change.make(self._collection)  # half of what the driver takes for a bulk of one
        finally:
            self._is_busy = False
            self._look()

    @property
    def _is_complete(self) -> bool:
        return len(self._waiting) >= self._expected

    def _look(self) -> None:
        """Begin with what waits if all are there, else a little later."""
        if self._is_busy or not self._waiting:
            return
        if self._is_complete:
            self._begin()
        elif self._patience is None:
            self._patience = get_hub().schedule_call_global(_PATIENCE_SECONDS, self._begin)

    def _begin(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._waiting and not self._is_busy:
            self._is_busy = True
            eventlet.spawn(self._work)  # what others write until it runs is in the group as well

    def _work(self) -> None:
        try:
            self._write_group()
            while self._waiting and self._is_complete:
                self._write_group()
        finally:
            self._is_busy = False
            self._look()

    def _write_group(self) -> None:
        """By kind, as the driver sends a command for each: of a kind with a change that can't be encoded it
        has then stored nothing, and all can be made once more.
        """
        group = [self._waiting.popleft() for _ in islice(range(_AT_ONCE), len(self._waiting))]
        bulk = [(one, one.change.in_bulk()) for one in group]
        for kind in (InsertOne, UpdateOne):
            those = [both for both in bulk if isinstance(both[1], kind)]
            writes = [one for one, _ in those]
            if len(writes) > 1:
                self._write_together(writes, [change for _, change in those])
            else:
                self._write_each(writes)

    def _write_together(self, writes: list[_Write], changes: list[_InBulk]) -> None:
        try:
            with translated():
                outcomes = self._outcomes_of_bulk(changes)
        except Unavailable as problem:
            outcomes = dict.fromkeys(range(len(writes)), problem)
        except Exception:
            self._write_each(writes)  # what is wrong with one is no reason for the others to fail
            return
        for number, one in enumerate(writes):
            _tell(one, outcomes.get(number, False))

    def _write_each(self, writes: list[_Write]) -> None:
        for one in writes:
            try:
                with unique():
                    outcome: Any = one.change.make(self._collection)
            except Exception as problem:
                outcome = problem
            _tell(one, outcome)

    def _outcomes_of_bulk(self, changes: list[_InBulk]) -> dict[int, Any]:
        try:
            done = self._collection.bulk_write(changes, ordered=False)
        except BulkWriteError as problem:
            if problem.details["writeConcernErrors"]:
                raise
            made: dict[int, Any] = {one["index"]: True for one in problem.details["upserted"]}
            return made | {one["index"]: _failure(one) for one in problem.details["writeErrors"]}
        return dict.fromkeys(done.upserted_ids or {}, True)


def _tell(write: _Write, outcome: Any) -> None:
    if isinstance(outcome, Exception):
        write.done.send_exception(outcome)
    else:
        write.done.send(outcome)


def _failure(told: Document) -> Exception:
    """What one change of a group failed for; the others are stored."""
    try:
        with unique():
            raise write_error(told)
    except Exception as problem:
        return problem
