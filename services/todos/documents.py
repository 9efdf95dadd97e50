"""A todo as MongoDB keeps it: its own fields, and keys by which documents sort as people expect."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.todos.domain import PRIORITIES, STATUSES, TRASH_DAYS, Todo

Document = dict[str, Any]
NEVER = datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)
"""Sorts a todo without a due date behind all others."""
MARK = "reminded_for"
"""The due date that the owner was reminded of: no field of the todo, and not in older documents."""
WAITING = {MARK: None, "deleted_at": None, "completed_at": None}
"""Open todos that nobody was reminded of."""
SORT_KEYS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "due_at": "due_key",
    "priority": "priority_key",
    "order": "order",
    "title": "title_key",
}
_FIELDS = Todo._fields[1:]  # all but the id
_values = itemgetter(*_FIELDS)
_NULL_OR_TEXT = {"bsonType": ["string", "null"]}
_DATE = {"bsonType": "date"}
_NULL_OR_DATE = {"bsonType": ["date", "null"]}
_INTEGER = {"bsonType": ["int", "long"]}

# Fields that are not named here pass: a newer version's may lie beside them during a rolling update.
VALIDATOR: Document = {
    "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", *_FIELDS, "due_key", "priority_key", "title_key"],
        "properties": {
            "_id": {"bsonType": "objectId"},
            "user_id": {"bsonType": "string", "minLength": 1},
            "title": {"bsonType": "string", "minLength": 1, "maxLength": 200},
            "description": {**_NULL_OR_TEXT, "maxLength": 10_000},
            "status": {"enum": list(STATUSES)},
            "priority": {"enum": list(PRIORITIES)},
            "due_at": _NULL_OR_DATE,
            "tags": {"bsonType": "array", "maxItems": 20, "items": {"bsonType": "string"}},
            "order": _INTEGER,
            "created_at": _DATE,
            "updated_at": _DATE,
            "completed_at": _NULL_OR_DATE,
            "deleted_at": _NULL_OR_DATE,
            "version": {**_INTEGER, "minimum": 1},
            "due_key": _DATE,
            "priority_key": _INTEGER,
            "title_key": {"bsonType": "string"},
            "outbox": {"bsonType": "array"},
            "outbox_at": _DATE,
        },
    }
}


def indexes() -> list[IndexModel]:
    """One index for each order of a user's list, one for tags, those for the trash's end and reminders.

    Those for the list start with owner and ``deleted_at``, so they serve stats, due dates and the trash
    as well; a backward scan serves the descending order.
    """
    listed = [
        IndexModel([("user_id", ASCENDING), ("deleted_at", ASCENDING), (key, ASCENDING), ("_id", ASCENDING)])
        for key in SORT_KEYS.values()
    ]
    tagged = IndexModel([("user_id", 1), ("deleted_at", 1), ("tags", 1), ("created_at", DESCENDING)])
    # A TTL index ignores documents whose field is null: what is not in the trash stays.
    expiry = IndexModel([("deleted_at", ASCENDING)], expireAfterSeconds=TRASH_DAYS * 24 * 3600)
    # Only what waits for its reminder is in it, so the search that is made every second stays cheap.
    waiting = {**WAITING, "due_at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}}
    reminding = IndexModel([("due_at", ASCENDING)], name="to_remind", partialFilterExpression=waiting)
    return [*listed, tagged, expiry, reminding]


def to_document(todo: Todo) -> Document:
    """All fields of a todo but its id, and the keys derived from them."""
    return {
        **{name: getattr(todo, name) for name in _FIELDS},
        "due_key": todo.due_at or NEVER,
        "priority_key": PRIORITIES.index(todo.priority),
        "title_key": todo.title.casefold(),
    }


def rewritten(before: Todo, after: Todo) -> Document:
    """The fields to set where a todo is changed: with another due date, its owner is reminded again."""
    same = before.due_at == after.due_at
    return to_document(after) if same else to_document(after) | {MARK: None}


def from_document(document: Document) -> Todo:
    """The todo in a document."""
    return Todo(str(document["_id"]), *_values(document))


def object_id(text: Any) -> ObjectId | None:
    """The ObjectId that a text from outside spells; None for anything else."""
    return ObjectId(text) if isinstance(text, str) and ObjectId.is_valid(text) else None
