"""Bulk calls: up to 100 operations read, checked and applied in memory, each with a result of its own.

Nothing here does I/O: ``Batch.run`` gets the todos that the operations name and returns what has to be
written. It may run more than once with fresh todos, since a transaction may have to begin again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, post_load, pre_load, validate

from common.errors import SuiteError, ValidationFailed
from common.links import Url
from common.problems import STATUS
from common.schemas import AnyObject, StrictSchema, WholeNumber, load
from services.todos import domain
from services.todos.domain import Change, Todo
from services.todos.schemas import NewTodo, TodoChanges
from services.todos.schemas import to_wire as todo_to_wire

MOST_OPS = 100
_META = ("op", "id", "if_version")


class BulkBody(StrictSchema):
    """``{"ops": [...]}``, 1 to 100 operations, applied in their order.

    ======================================================  ==================================
    ``{"op": "create", "title": ..., ...}``                 201, the fields of a new todo
    ``{"op": "update", "id", "if_version"?, ...}``          200, the fields to change
    ``{"op": "complete", "id", "if_version"?}``             200
    ``{"op": "delete", "id", "if_version"?}``               204, to the trash
    ======================================================  ==================================

    The todo's fields stand beside ``op``, or all together in an object ``data``. Each operation has its
    result at the same place in ``results``: ``{"op", "status", "todo"?, "error"?: {code, message,
    errors?}}``. One that is refused (404, 412, 422) does not undo the others.
    """

    ops = fields.List(fields.Raw(allow_none=True), required=True, validate=validate.Length(1, MOST_OPS))


class Operation(StrictSchema):
    """One operation; its todo's fields have been moved into ``data``."""

    op = fields.String(required=True, validate=validate.OneOf(("create", "update", "complete", "delete")))
    id = fields.String()
    if_version = WholeNumber()
    data = AnyObject(load_default=dict)

    @pre_load
    def _gather(self, given: Any, **kwargs: Any) -> Any:
        if not isinstance(given, dict) or "data" in given:
            return given
        named = {name: value for name, value in given.items() if name in _META}
        return {**named, "data": {name: value for name, value in given.items() if name not in _META}}

    @post_load
    def _check(self, given: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        creates = given["op"] == "create"
        if not creates and "id" not in given:
            raise ValidationError("Missing data for required field.", "id")
        unknown = {"id", "if_version"} & given.keys() if creates else set()
        if given["op"] in ("complete", "delete"):
            unknown = set(given["data"])
        if unknown:
            raise ValidationError({name: ["Unknown or read-only field."] for name in sorted(unknown)})
        return given


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one operation."""

    op: str | None
    status: int
    todo: Todo | None = None
    error: SuiteError | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The operations of one call; ``data`` holds loaded fields, or the refusal of an operation."""

    user_id: str
    now: datetime
    ops: list[dict[str, Any]]

    @property
    def ids(self) -> set[str]:
        """The todos that the operations name."""
        return {op["id"] for op in self.ops if "id" in op}

    def run(self, new_id: Callable[[], str], held: dict[str, Todo]) -> tuple[list[Change], list[Outcome]]:
        """Apply all operations to ``held`` in their order."""
        todos = dict(held)
        outcomes = []
        for op in self.ops:
            outcome = self._outcome(op, todos, new_id)
            if outcome.change:
                todos[outcome.change.todo.id] = outcome.change.todo
            outcomes.append(outcome)
        return [outcome.change for outcome in outcomes if outcome.change], outcomes

    def _outcome(self, op: dict[str, Any], todos: dict[str, Todo], new_id: Callable[[], str]) -> Outcome:
        try:
            if "refusal" in op:
                raise op["refusal"]
            if op["op"] == "create":
                change = domain.create(new_id(), self.user_id, op["data"], self.now)
                return Outcome("create", 201, change.todo, change=change)
            return self._on_existing(op, todos)
        except SuiteError as refusal:
            return Outcome(op["op"], STATUS[type(refusal)], error=refusal)

    def _on_existing(self, op: dict[str, Any], todos: dict[str, Todo]) -> Outcome:
        todo = todos.get(op["id"].lower())
        if todo is None or todo.deleted_at:
            raise domain.not_found()
        domain.check_version(todo, op.get("if_version"))
        if op["op"] == "delete":
            return Outcome("delete", 204, change=domain.trash(todo, self.now))
        change = domain.edit(todo, op["data"], self.now)
        return Outcome(op["op"], 200, change.todo if change else todo, change=change)


def read(user_id: str, body: Any, now: datetime) -> Batch:
    """The batch in a call's body; a bad operation is kept with its refusal, a bad body is refused."""
    return Batch(user_id, now, [_read(op) for op in load(BulkBody, body)["ops"]])


def answer(
    batch: Batch, new_id: Callable[[], str], url: Url, held: dict[str, Todo]
) -> tuple[list[Change], dict[str, Any]]:
    """What has to be written for a call, and what it is answered."""
    changes, outcomes = batch.run(new_id, held)
    return changes, {"results": [to_wire(outcome, url) for outcome in outcomes]}


def to_wire(outcome: Outcome, url: Url) -> dict[str, Any]:
    """An operation's result as clients see it."""
    shown: dict[str, Any] = {"op": outcome.op, "status": outcome.status}
    if outcome.todo:
        shown["todo"] = todo_to_wire(outcome.todo, url)
    if outcome.error:
        shown["error"] = {"code": outcome.error.code, "message": outcome.error.message}
    if isinstance(outcome.error, ValidationFailed):
        shown["error"]["errors"] = outcome.error.details
    return shown


def _read(raw: Any) -> dict[str, Any]:
    try:
        op = load(Operation, raw)
        if op["op"] == "complete":
            return {**op, "data": {"completed": True}}
        if op["op"] == "delete":
            return op
        shape = NewTodo if op["op"] == "create" else TodoChanges
        return {**op, "data": load(shape, op["data"])}
    except ValidationFailed as refusal:
        named = raw.get("op") if isinstance(raw, dict) else None
        return {"op": named if isinstance(named, str) else None, "refusal": refusal}
