"""The query parameters of a list: their shape, and what they mean to MongoDB.

Every value comes in as text, is parsed into a plain value, and only then put beside an operator that
is written here: nothing from outside can become one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import fields, validate

from common.schemas import Cursor, Limit, StrictSchema, Text, Timestamp, load
from services.todos import cursors
from services.todos.documents import NEVER, SORT_KEYS, Document
from services.todos.domain import PRIORITIES, STATUSES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SORTS = [f"{sign}{name}" for name in SORT_KEYS for sign in ("", "-")]


class PageQuery(StrictSchema):
    """The parameters of any list."""

    limit = Limit(load_default=50)
    cursor = Cursor()
    count = fields.String(validate=validate.OneOf(("true", "false")), load_default="false")


class ListQuery(PageQuery):
    """The parameters of the list of todos."""

    status = fields.String(validate=validate.OneOf(STATUSES))
    priority = fields.String(validate=validate.OneOf(PRIORITIES))
    tag = Text(1, 50)
    due_before = Timestamp()
    due_after = Timestamp()
    q = Text(1, 200)
    sort = fields.String(validate=validate.OneOf(_SORTS), load_default="-created_at")


_UNASKED = load(ListQuery, {})
"""What a list without parameters means; never changed."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page to read: which documents, in which order, how many, and from where on."""

    selection: Document
    key: str
    descending: bool
    limit: int
    count: bool
    scope: str
    start: cursors.Position | None

    @property
    def order(self) -> list[tuple[str, int]]:
        """The sort for MongoDB; the id settles ties, so that pages neither overlap nor leave gaps."""
        direction = -1 if self.descending else 1
        return [(self.key, direction), ("_id", direction)]

    @property
    def page(self) -> Document:
        """The selection from this page's start on."""
        if self.start is None:
            return self.selection
        past, reach = ("$lt", "$lte") if self.descending else ("$gt", "$gte")
        key, last = self.start
        # The first clause only lets the index start at the right place; the second decides.
        beyond = [{self.key: {past: key}}, {self.key: key, "_id": {past: last}}]
        return {"$and": [self.selection, {self.key: {reach: key}}, {"$or": beyond}]}

    def cursor_after(self, document: Document) -> str:
        """The cursor of the page that follows the one ending with ``document``."""
        return cursors.encode(self.scope, (document[self.key], document["_id"]))


def listing(user_id: str, query: Mapping[str, str] | None) -> Listing:
    """The page of a user's todos that the parameters ask for."""
    asked = load(ListQuery, query) if query else _UNASKED
    clauses = [{"user_id": user_id, "deleted_at": None}, *_conditions(asked)]
    name = asked["sort"].removeprefix("-")
    return _listing(user_id, asked, clauses, SORT_KEYS[name], asked["sort"].startswith("-"))


def trash_listing(user_id: str, query: Mapping[str, str] | None) -> Listing:
    """The page of a user's trash that the parameters ask for: last deleted first."""
    asked = load(PageQuery, query or {})
    clauses = [{"user_id": user_id, "deleted_at": {"$gte": _EPOCH}}]
    return _listing(user_id, asked, clauses, "deleted_at", True)


def _listing(
    user_id: str, asked: dict[str, Any], clauses: list[Document], key: str, descending: bool
) -> Listing:
    loose = ("limit", "cursor", "count")
    bound = {name: str(value) for name, value in asked.items() if name not in loose}
    scope = cursors.scope_of(user_id, key, bound)
    start = cursors.decode(scope, key, asked["cursor"]) if "cursor" in asked else None
    return Listing({"$and": clauses}, key, descending, asked["limit"], asked["count"] == "true", scope, start)


def _conditions(asked: dict[str, Any]) -> list[Document]:
    found: list[Document] = [{name: asked[name]} for name in ("status", "priority") if name in asked]
    if "tag" in asked:
        found.append({"tags": asked["tag"]})
    # due_key, not due_at: the index has it. NEVER stands for no date, which no range contains.
    if "due_before" in asked:
        found.append({"due_key": {"$lt": asked["due_before"]}})
    if "due_after" in asked:
        found.append({"due_key": {"$gt": asked["due_after"], "$lt": NEVER}})
    return [*found, *(_contains(word) for word in asked.get("q", "").split())]


def _contains(word: str) -> Document:
    """Each word of ``q`` has to occur in the title or the description, in any case, also inside a word.

    A text index finds whole stemmed words of one language only; who types "groc" into a search box
    expects the groceries, and "Schrank" the Kleiderschrank. The scan covers one user's todos. An
    escaped word has no operators, so no input can make the search slow.
    """
    literal = {"$regex": re.escape(word), "$options": "i"}
    return {"$or": [{"title": literal}, {"description": literal}]}
