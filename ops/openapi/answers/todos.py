"""Todos as the API shows them."""

from marshmallow import fields, validate

from ops.openapi.answers.shown import Shown, one_of, time, uuid
from services.todos.domain import PRIORITIES, STATUSES

TODO_ID = "^[0-9a-f]{24}$"


class Todo(Shown):
    """A todo; ``deleted_at`` is there while it is in the trash."""

    optional = ("deleted_at",)
    id = fields.String(metadata={"pattern": TODO_ID})
    title = fields.String(metadata={"minLength": 1, "maxLength": 200})
    description = fields.String(allow_none=True, metadata={"maxLength": 10_000})
    status = one_of(*STATUSES)
    completed = fields.Boolean(metadata={"description": "Whether the status is `completed`."})
    priority = one_of(*PRIORITIES)
    due_at = time(null=True)
    tags = fields.List(fields.String(metadata={"minLength": 1, "maxLength": 50}), metadata={"maxItems": 20})
    order = fields.Integer()
    user_id = uuid()
    url = fields.String(metadata={"format": "uri"})
    created_at = time()
    updated_at = time()
    completed_at = time(null=True)
    deleted_at = time()
    version = fields.Integer(metadata={"minimum": 1, "description": "Quoted, it is the entity tag."})


ByStatus = Shown.from_dict(
    {name: fields.Integer(metadata={"minimum": 0}) for name in STATUSES}, name="ByStatus"
)
"""How many todos have each status."""


class TodoStats(Shown):
    """Todos in numbers; days are days in UTC."""

    total = fields.Integer(metadata={"minimum": 0})
    by_status = fields.Nested(ByStatus)
    overdue = fields.Integer(metadata={"minimum": 0, "description": "Not completed, and past their time."})
    due_today = fields.Integer(metadata={"minimum": 0})


class OperationError(Shown):
    """Why an operation was refused."""

    optional = ("errors",)
    code = fields.String()
    message = fields.String()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class OperationResult(Shown):
    """What became of one operation: as the single call would have answered."""

    optional = ("todo", "error")
    op = fields.String(allow_none=True)
    status = fields.Integer(validate=validate.OneOf([200, 201, 204, 404, 412, 422]))
    todo = fields.Nested(Todo)
    error = fields.Nested(OperationError)


class BulkResult(Shown):
    """A result for each operation, at the same place."""

    results = fields.List(fields.Nested(OperationResult))
