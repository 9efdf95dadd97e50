"""Reads by key of many green threads in one query: what has gathered while the last one was under way.

A read that finds no other under way goes alone and at once. Each query is sent after all of its callers have
asked, so nobody is told of a time before their own last write. Who may see a document is for the caller to
check: a query is made for many.
"""

from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.hubs import get_hub
from pymongo.collection import Collection

from common.mongo import Document, translated
from common.mongo_read import read_at_once

_AT_ONCE = 64
_PATIENCE_SECONDS = 0.05
"""A query that takes longer holds up nobody else: what has gathered meanwhile goes beside it."""


class _Group:
    """Keys to be read together; ``done`` brings what was found, or the problem."""

    __slots__ = ("done", "keys", "timer")

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.done = Event()
        self.timer: Any = None


class GroupRead:
    """One for a collection and a process; ``fields`` is what each read is given of a document."""

    def __init__(self, collection: Collection[Document], fields: Document) -> None:
        self._collection = collection
        self._fields = fields
        self._ahead: object | None = None  # the query that what gathers waits for
        self._gathering: _Group | None = None

    def read(self, key: Any) -> Document | None:
        """The document with this key. Others may be given the same one, so it is not to be changed.

        Unavailable if the query fails in which this read is, as if it had been made alone.
        """
        with translated():
            return self._together(key) if self._ahead else self._alone(key)

    def _alone(self, key: Any) -> Document | None:
        mine = self._ahead = object()
        try:
            return self._find([key]).get(key)
        finally:
            self._over(mine)

    def _together(self, key: Any) -> Document | None:
        group = self._gathering
        if group is None:
            group = self._gathering = _Group()
            group.timer = get_hub().schedule_call_global(_PATIENCE_SECONDS, self._begin, group)
        group.keys.append(key)
        if len(group.keys) == _AT_ONCE:
            self._begin(group)
        found = group.done.wait()
        if isinstance(found, Exception):
            raise found
        document: Document | None = found.get(key)
        return document

    def _begin(self, group: _Group) -> None:
        """Let a group go, and the next one wait for it; in a green thread that no caller can end."""
        group.timer.cancel()
        self._ahead, self._gathering = group, None
        eventlet.spawn_n(self._run, group)

    def _run(self, group: _Group) -> None:
        found: Any
        try:
            found = self._find(group.keys)
        except Exception as problem:
            found = problem
        self._over(group)  # the next query is sent before these callers go on
        group.done.send(found)

    def _over(self, query: object) -> None:
        if self._ahead is query:
            self._ahead = None
            if self._gathering is not None:
                self._begin(self._gathering)

    def _find(self, keys: list[Any]) -> dict[Any, Document]:
        those = {"_id": keys[0] if len(keys) == 1 else {"$in": keys}}
        found = read_at_once(self._collection, those, self._fields, len(keys))
        return {document["_id"]: document for document in found}
