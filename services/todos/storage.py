"""Where todos are kept: one document each, written together with the event that tells of the change.

A single todo and its event are one document, so one write stores both. A call that changes several
writes in a transaction, with its one event in the first of the documents. Every query names the owner,
but for those that read single todos for many callers at once: there each answer is compared.
"""

import contextlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from bson import ObjectId
from bson.codec_options import CodecOptions
from nameko.containers import WorkerContext
from pymongo import InsertOne, UpdateOne
from pymongo.client_session import ClientSession

from common import config, context
from common.errors import Conflict
from common.group_commit import GroupCommit, Insert
from common.group_read import GroupRead
from common.idempotency import Key
from common.mongo import HIDDEN, AlreadyThere, MongoStorage, entry, holding, translated, with_event
from common.mongo_read import read_at_once
from common.paging import Page
from common.scheduler import Scheduler
from services.todos import answers, collection, domain, statistics
from services.todos.answers import Answers, Work
from services.todos.collection import READ_SECONDS, WRITE_SECONDS, bounded, in_transaction
from services.todos.documents import Document, from_document, object_id, rewritten, to_document
from services.todos.domain import Change, Todo
from services.todos.queries import Listing
from services.todos.reminders import Reminders
from services.todos.sweep import Sweep

Result = TypeVar("Result")
Rule = Callable[[Todo], Change | None]
BatchRule = Callable[[dict[str, Todo]], tuple[list[Change], Result]]
_NAIVE: CodecOptions[Document] = CodecOptions()
"""Aware times take three times as long to read, and a list is only shown."""
_ATTEMPTS = 100
"""In each round one of those who change the same todo succeeds, so this many can do so at once."""


class TodoStorage(MongoStorage):
    """Injects a :class:`TodoStore`."""

    database = "todos"
    outbox_in = collection.NAME
    scheduler = Scheduler()

    def prepare(self) -> None:
        """Make the collection, its validator and its indexes; what exists already is left as it is."""
        with translated():
            collection.prepare(self.db)
            answers.prepare(self.db)
        self.todos = self.db[self.outbox_in]
        self.group = GroupCommit(self.todos)
        self.shown = self.todos.with_options(_NAIVE)
        self.singles = GroupRead(self.shown, HIDDEN)
        self.answers = Answers(self.db[answers.NAME])
        before = config.remind_before(self.container.config)
        self.scheduler.attach(Reminders(self.todos, before, event_of, self.announce))

    def stop(self) -> None:
        """Remind of nothing more, publish what is left, then close."""
        self.scheduler.finish()
        super().stop()

    def get_dependency(self, worker_ctx: WorkerContext) -> "TodoStore":
        """The store for one worker; its events carry the worker's request id."""
        request_id = worker_ctx.data.get(context.REQUEST_ID) or uuid.uuid4().hex
        return TodoStore(self, request_id)


class TodoStore:
    """The todos of all users, asked for one user at a time."""

    def __init__(self, storage: TodoStorage, request_id: str) -> None:
        self.storage = storage
        self.request_id = request_id
        self.todos = storage.todos
        self.shown = storage.shown
        self.answers = storage.answers

    @staticmethod
    def new_id() -> str:
        """An id that no todo has."""
        return str(ObjectId())

    def add(self, change: Change) -> Todo:
        """Keep a new todo; AlreadyThere if one has its id."""
        event = self._entry([change])
        document = self._new(change.todo) | holding(event)
        self.storage.group.write(Insert(document))
        self.storage.announce(document["_id"], event)
        return change.todo

    def add_once(self, change: Change, key: Key, show: Callable[[Todo], Result]) -> Result:
        """Keep a new todo and how it is shown, or give the answer that was given to this key."""
        todo = change.todo
        with bounded(WRITE_SECONDS):
            first, answer = self.answers.first(todo.user_id, key, self._new(todo), show(todo))
        # Made already, as a rule; if not, whoever was to make it has died, or is not so fast.
        with contextlib.suppress(AlreadyThere):
            self.add(replace(change, todo=from_document(first)))
        return answer

    def get(self, user_id: str, todo_id: str) -> Todo:
        """A user's todo, for showing: its times are naive UTC. NotFound also if it lies in the trash."""
        key = object_id(todo_id)
        found = self.storage.singles.read(key) if key else None
        # Read together with those of others, so the owner is not in the query.
        if found is None or found["user_id"] != user_id or found["deleted_at"]:
            raise domain.not_found()
        return from_document(found)

    def page(self, listing: Listing) -> Page[Todo]:
        """The todos of a page, for showing: their times are naive UTC. And their total if that was asked."""
        with bounded(READ_SECONDS):
            found = read_at_once(self.shown, listing.page, HIDDEN, listing.limit + 1, listing.order)
            total = self.todos.count_documents(listing.selection) if listing.count else None
        page = Page.cut(found, listing.limit, total, listing.cursor_after)
        return Page([from_document(document) for document in page.items], page.next_cursor, total)

    def change(
        self,
        user_id: str,
        todo_id: str,
        rule: Rule,
        if_version: int | None = None,
        in_trash: bool = False,
        again: bool = False,
    ) -> Todo:
        """Read, let ``rule`` decide, write unless somebody else was faster; then once more.

        What is called ``again`` may itself have made the version that is there: then nothing is left to do.
        """
        for _ in range(_ATTEMPTS):
            before = self._held(user_id, todo_id, in_trash)
            change = rule(before)
            if change is not None or not again:
                domain.check_version(before, if_version)
            if change is None:
                return before
            if self._replaced(before, change):
                return change.todo
        raise Conflict("todo_busy", "The todo is being changed by others: try again.")

    def change_many(
        self, user_id: str, ids: set[str], rule: BatchRule[Result], idempotency_key: Key | None = None
    ) -> Result:
        """Let ``rule`` decide over the named todos, and write all of its changes with one event.

        With a key the rule's result, which must be JSON, is kept, and given again to the same key.
        """
        known = [key for key in map(object_id, ids) if key]

        def work(session: ClientSession) -> tuple[ObjectId | None, Result]:
            cursor = self.todos.find({"_id": {"$in": known}, "user_id": user_id}, HIDDEN, session=session)
            held = {str(document["_id"]): from_document(document) for document in cursor}
            changes, result = rule(held)
            return self._write(held, changes, session), result

        return self._transact(work, user_id, idempotency_key)

    def trash_all(self, user_id: str, now: datetime) -> int:
        """Put all of a user's todos into the trash, with one event; how many there were."""
        sweep = Sweep(self.todos, self._entry, user_id, now)
        try:
            return sweep.run(self.storage.client)
        finally:
            for place in sweep.places:
                self.storage.announce(place.holder)

    def forget(self, user_id: str) -> int:
        """Remove all that a user had, the trash as well; how many todos that were."""
        with translated():
            self.answers.forget(user_id)
            return self.todos.delete_many({"user_id": {"$eq": user_id}}).deleted_count

    def stats(self, user_id: str, now: datetime) -> dict[str, Any]:
        """Counts over a user's todos; see :mod:`services.todos.statistics`."""
        with bounded(READ_SECONDS):
            rows = list(self.todos.aggregate(statistics.pipeline(user_id, now)))
        return statistics.to_wire(rows)

    def _held(self, user_id: str, todo_id: str, in_trash: bool) -> Todo:
        """A user's todo, to be changed; NotFound also if it lies in the trash, unless ``in_trash``."""
        found = {"_id": object_id(todo_id), "user_id": user_id}
        if not in_trash:
            found["deleted_at"] = None
        with translated():
            documents = read_at_once(self.todos, found, HIDDEN, 1) if found["_id"] else []
        if not documents:
            raise domain.not_found()
        return from_document(documents[0])

    def _replaced(self, before: Todo, change: Change) -> bool:
        update = with_event(self._entry([change]))
        update["$set"] |= rewritten(before, change.todo)
        with translated():
            written = self.todos.update_one(_exactly(before), update).matched_count == 1
        if written:
            self.storage.announce(ObjectId(before.id))
        return written

    def _write(self, held: dict[str, Todo], changes: list[Change], session: ClientSession) -> ObjectId | None:
        """Write each changed todo once, as it is after the last change; tell which holds the event."""
        if not changes:
            return None
        latest = {change.todo.id: change.todo for change in changes}
        events = [self._entry(changes), *(None for _ in range(len(latest) - 1))]
        pairs = zip(latest.values(), events, strict=True)
        steps = [self._step(held.get(todo.id), todo, carried) for todo, carried in pairs]
        self.todos.bulk_write(steps, session=session)
        return ObjectId(changes[0].todo.id)

    def _step(self, before: Todo | None, after: Todo, event: Document | None) -> Any:
        if before is None:
            return InsertOne(self._new(after) | (holding(event) if event else {}))
        update = with_event(event) if event else {"$set": {}}
        update["$set"] |= rewritten(before, after)
        return UpdateOne(_exactly(before), update)

    def _new(self, todo: Todo) -> Document:
        return {"_id": ObjectId(todo.id), **to_document(todo)}

    def _entry(self, changes: Sequence[Change], count: int | None = None) -> Document:
        return event_of(changes, count, self.request_id)

    def _transact(self, work: Work[Result], user_id: str, key: Key | None) -> Result:
        if key:
            work = self.answers.once(user_id, key, work)
        holder, result = in_transaction(self.storage.client, work)
        if holder:
            self.storage.announce(holder)
        return result


def event_of(changes: Sequence[Change], count: int | None = None, request_id: str | None = None) -> Document:
    """The one event of these changes, as it lies in a document; of no request unless one is named."""
    event, payload = domain.announcement(request_id or uuid.uuid4().hex, changes, count)
    return entry(event.source, event.name, payload)


def _exactly(todo: Todo) -> Document:
    """This todo in this version: whoever was faster has left another one."""
    return {"_id": ObjectId(todo.id), "user_id": todo.user_id, "version": todo.version}
