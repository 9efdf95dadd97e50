"""The wire shapes of todos: what comes in, and what goes out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from common import clock
from common.links import Url
from common.schemas import StrictBoolean, StrictSchema, Text, Timestamp, WholeNumber, take
from services.todos.domain import COMPLETED, PRIORITIES, STATUSES, Todo

_INT32 = 2**31


class Tags(fields.List):
    """A list of tags, each kept once, in the order in which they came; of those that came there may be 20."""

    def __init__(self, **kwargs: Any) -> None:
        self._length = validate.Length(max=20)
        super().__init__(Text(1, 50), validate=self._length, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            self._length(value)  # here, since those that came twice count for the API's document too
        return list(dict.fromkeys(self._each(value) or super()._deserialize(value, attr, data, **kwargs)))

    def _each(self, value: Any) -> list[Any] | None:
        """The same without marshmallow's list of what is wrong with which; None if something is."""
        try:
            return [take(self.inner, each) for each in value] if type(value) is list else None
        except ValidationError:
            return None


class TodoChanges(StrictSchema):
    """The body of a PATCH (a merge patch, RFC 7396): any writable field; null empties a nullable one."""

    title = Text(1, 200)
    description = Text(0, 10_000, multiline=True, trim=False, allow_none=True)
    status = fields.String(validate=validate.OneOf(STATUSES))
    completed = StrictBoolean()
    priority = fields.String(validate=validate.OneOf(PRIORITIES))
    due_at = Timestamp(allow_none=True)
    tags = Tags()
    order = WholeNumber(validate=validate.Range(-_INT32, _INT32 - 1))

    compared = frozenset(("status", "completed"))

    @validates_schema
    def _agree(self, data: dict[str, Any], **kwargs: Any) -> None:
        if self.compared <= data.keys() and data["completed"] != (data["status"] == COMPLETED):
            raise ValidationError("Contradicts the status.", "completed")


class NewTodo(TodoChanges):
    """The body of a POST or PUT: a title, and any other writable field."""

    title = Text(1, 200, required=True)


def to_wire(todo: Todo, url: Url) -> dict[str, Any]:
    """A todo as clients see it; one in the trash tells since when."""
    shown = {
        "id": todo.id, "title": todo.title, "description": todo.description, "status": todo.status,
        "completed": todo.status == COMPLETED, "priority": todo.priority,
        "due_at": clock.to_text(todo.due_at), "tags": todo.tags, "order": todo.order,
        "user_id": todo.user_id, "url": url(f"/api/todos/{todo.id}"),
        "created_at": clock.to_text(todo.created_at), "updated_at": clock.to_text(todo.updated_at),
        "completed_at": clock.to_text(todo.completed_at), "version": todo.version,
    }  # fmt: skip
    return shown if todo.deleted_at is None else {**shown, "deleted_at": clock.to_text(todo.deleted_at)}
