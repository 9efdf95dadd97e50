"""Reminders: the event of a todo that is due soon, once for each due date.

The event and the mark (``reminded_for``, the due date that the owner was reminded of) are one write, which
succeeds for one of all instances. It is no change of the todo: neither version nor ``updated_at`` moves.
Whatever sets another due date takes the mark away; a todo of an older version has none.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING
from pymongo.collection import Collection

from common import clock
from common.mongo import HIDDEN, translated, with_event
from services.todos import domain
from services.todos.collection import READ_SECONDS, bounded
from services.todos.documents import MARK, WAITING, Document, from_document
from services.todos.domain import Change, Todo

_BATCH = 100
Entry = Callable[[list[Change]], Document]


class Reminders:
    """What the clock looks at (:mod:`common.scheduler`): open todos whose due date is near."""

    def __init__(
        self,
        todos: Collection[Document],
        before: timedelta | None,
        entry: Entry,
        announce: Callable[[ObjectId], None],
    ) -> None:
        self.todos = todos
        self.before = before
        self.entry = entry
        self.announce = announce

    def hand_out_due(self) -> bool:
        """Remind of the next todos, the most urgent first; whether there may be more."""
        if self.before is None:
            return False
        with bounded(READ_SECONDS):
            near = self.todos.find(self._due(self.before), HIDDEN)
            found = list(near.sort("due_at", ASCENDING).limit(_BATCH))
        for document in found:
            self._remind(from_document(document))
        return len(found) == _BATCH

    def next_due(self) -> datetime | None:
        """Not known: a look is one search in a small index, so it is taken at the clock's own pace."""
        return None

    @staticmethod
    def _due(before: timedelta) -> dict[str, Any]:
        """What is still ahead: a reminder of what has passed, after an outage, helps nobody."""
        now = clock.now()
        return {**WAITING, "due_at": {"$gt": now, "$lte": now + before}}

    def _remind(self, todo: Todo) -> None:
        update = with_event(self.entry([domain.remind(todo)]))
        update["$set"][MARK] = todo.due_at
        # The version as well: the event tells of the todo as it is now.
        mine = {"_id": ObjectId(todo.id), "version": todo.version, **WAITING}
        with translated():
            written = self.todos.update_one(mine, update).matched_count == 1
        if written:
            self.announce(ObjectId(todo.id))
