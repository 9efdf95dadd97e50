"""The rules of a todo, as plain functions: a todo and a wish go in, a :class:`Change` comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from common import clock, events
from common.errors import NotFound, PreconditionFailed
from common.events import Event

PENDING, IN_PROGRESS, COMPLETED = STATUSES = ("pending", "in_progress", "completed")
PRIORITIES = ("low", "medium", "high")
TRASH_DAYS = 30
MOST_TODOS_IN_EVENT = 100
"""A mail lists no more; the event's ``count`` tells how many there are in all."""

Fields = dict[str, Any]


class Todo(NamedTuple):
    """A todo; in the trash if it has ``deleted_at``. ``version`` counts its changes from 1.

    A named tuple, since a list makes up to a hundred of them and a frozen dataclass takes five times as long.
    """

    id: str
    user_id: str
    title: str
    description: str | None
    status: str
    priority: str
    due_at: datetime | None
    tags: list[str]
    order: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    deleted_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Change:
    """A todo as it is now, which event tells of it, and what changed."""

    todo: Todo
    event: Event
    fields: tuple[str, ...]


def defaults() -> Fields:
    """What a todo is where nothing else is said: all writable fields but the title."""
    return {
        "description": None, "status": PENDING, "priority": "medium", "due_at": None, "tags": [], "order": 0,
    }  # fmt: skip


def create(todo_id: str, user_id: str, fields: Fields, now: datetime) -> Change:
    """A new todo; what ``fields`` does not name has its default."""
    values = {**defaults(), **_settled(fields, PENDING)}
    todo = Todo(
        id=todo_id, user_id=user_id, **values, created_at=now, updated_at=now,
        completed_at=now if values["status"] == COMPLETED else None, deleted_at=None, version=1,
    )  # fmt: skip
    return Change(todo, events.TODO_CREATED, ("created",))


def edit(todo: Todo, fields: Fields, now: datetime) -> Change | None:
    """Set some fields; None if they are all as wished already."""
    wished = _settled(fields, todo.status)
    changed = tuple(name for name, value in wished.items() if getattr(todo, name) != value)
    if not changed:
        return None
    after = _touched(todo, now, **wished)
    completes = after.status == COMPLETED != todo.status
    if after.status != COMPLETED or completes:
        after = after._replace(completed_at=now if completes else None)
    return Change(after, events.TODO_COMPLETED if completes else events.TODO_UPDATED, changed)


def overwrite(todo: Todo, fields: Fields, now: datetime) -> Change | None:
    """Set all writable fields: those that ``fields`` does not name, to their defaults."""
    return edit(todo, {**defaults(), **_settled(fields, PENDING)}, now)


def trash(todo: Todo, now: datetime) -> Change:
    """Put a todo into the trash."""
    return Change(_touched(todo, now, deleted_at=now), events.TODO_DELETED, ("deleted",))


def restore(todo: Todo, now: datetime) -> Change | None:
    """Take a todo out of the trash; None if it is not there, so that a repeated call succeeds too."""
    if todo.deleted_at is None:
        return None
    return Change(_touched(todo, now, deleted_at=None), events.TODO_UPDATED, ("restored",))


def remind(todo: Todo) -> Change:
    """Nothing of it changes; the event tells that it is due soon."""
    return Change(todo, events.TODO_DUE_SOON, ())


def not_found() -> NotFound:
    """The one answer for a todo that is missing, deleted or somebody else's."""
    return NotFound("todo_not_found", "There is no such todo.")


def check_version(todo: Todo, if_version: int | None) -> None:
    """PreconditionFailed if the caller knows another version than the current one."""
    if if_version is not None and if_version != todo.version:
        raise PreconditionFailed(
            "version_mismatch", "The todo has changed since: read it again.", {"version": todo.version}
        )


def announcement(
    request_id: str, changes: Sequence[Change], count: int | None = None
) -> tuple[Event, dict[str, Any]]:
    """The one event for the changes of one call, with its payload.

    Changes of one kind are told by that kind's event, a mixture by ``todo_updated``, in which each todo has a
    word for what became of it. ``count`` is given if there are more todos than ``changes`` holds.
    """
    first = changes[0].event
    is_mixed = any(change.event is not first for change in changes)
    event = events.TODO_UPDATED if is_mixed else first
    latest = {change.todo.id: change.todo for change in changes}
    shown = [_summary(todo) for todo in latest.values()][:MOST_TODOS_IN_EVENT]
    if is_mixed:
        words = _words(changes)
        shown = [{**summary, "change": words[summary["id"]]} for summary in shown]
    facts = {"user_id": changes[0].todo.user_id, "todos": shown, "count": count or len(latest)}
    if "changes" in event.fields:
        facts["changes"] = list(dict.fromkeys(name for change in changes for name in change.fields))
    return event, event.make(request_id, **facts)


def _words(changes: Sequence[Change]) -> dict[str, str]:
    """``created``, ``updated``, ``completed`` or ``deleted`` by todo: what became of it in all."""
    found: dict[str, str] = {}
    for change in changes:
        todo, word = change.todo, change.event.name.removeprefix("todo_")
        before = found.get(todo.id)
        was_completed = before == "completed" and todo.status == COMPLETED
        if word != "deleted" and (before == "created" or was_completed):
            continue  # what came after is part of that
        found[todo.id] = word
    return found


def _summary(todo: Todo) -> dict[str, Any]:
    return {
        "id": todo.id,
        "title": todo.title,
        "status": todo.status,
        "priority": todo.priority,
        "due_at": clock.to_text(todo.due_at),
    }


def _touched(todo: Todo, now: datetime, **values: Any) -> Todo:
    return todo._replace(**values, updated_at=now, version=todo.version + 1)


def _settled(fields: Fields, current: str) -> Fields:
    """The fields with ``completed`` turned into the status that it stands for."""
    settled = {name: value for name, value in fields.items() if name != "completed"}
    if fields.get("completed"):
        settled["status"] = COMPLETED
    elif "completed" in fields:
        settled.setdefault("status", PENDING if current == COMPLETED else current)
    return settled
