"""``/api/todos``."""

from marshmallow import fields, validate

from common.schemas import StrictSchema, WholeNumber
from ops.openapi import examples
from ops.openapi.answers import todos as answers
from ops.openapi.operation import Answer, Operation
from ops.openapi.parameters import KEY_NOTE
from services.todos.bulk import MOST_OPS
from services.todos.queries import ListQuery, PageQuery
from services.todos.schemas import NewTodo, TodoChanges

_TAG = "todos"
_TODO = Answer("The todo.", answers.Todo, examples.TODO, headers=("ETag",))
_STALE = "With `If-Match`, 412 if the todo has changed since."
_PAGING = ("Link", "X-Total-Count")


class CreateOperation(NewTodo):
    """Makes a todo: status 201."""

    op = fields.String(required=True, validate=validate.OneOf(["create"]))


class UpdateOperation(TodoChanges):
    """Changes some fields: status 200."""

    op = fields.String(required=True, validate=validate.OneOf(["update"]))
    id = fields.String(required=True)
    if_version = WholeNumber()


class EndOperation(StrictSchema):
    """Completes a todo (200), or puts it into the trash (204)."""

    op = fields.String(required=True, validate=validate.OneOf(["complete", "delete"]))
    id = fields.String(required=True)
    if_version = WholeNumber()


OPERATION_SHAPES = (CreateOperation, UpdateOperation, EndOperation)
_SHAPES = [{"$ref": f"#/components/schemas/{shape.__name__}"} for shape in OPERATION_SHAPES]
_OTHER = {"description": "Anything else is refused in its own result, with 422."}


class Operations(StrictSchema):
    """Operations, applied in their order; one that is refused does not undo the others."""

    ops = fields.List(
        fields.Raw(metadata={"anyOf": [*_SHAPES, _OTHER]}),
        required=True,
        validate=validate.Length(1, MOST_OPS),
    )


OPERATIONS: dict[str, Operation] = {
    "create_todo": Operation(
        _TAG,
        {201: Answer(
            "The new todo.", answers.Todo, examples.TODO, headers=("Location", "ETag"),
            links=("GetTodo", "UpdateTodo", "ReplaceTodo", "DeleteTodo", "RestoreTodo"),
        )},
        body=NewTodo, body_example=examples.NEW_TODO, headers=("Idempotency-Key",), problems=(409,),
        note=KEY_NOTE,
    ),
    "list_todos": Operation(
        _TAG, {200: Answer("A page of todos.", answers.Todo, [examples.TODO], many=True, headers=_PAGING)},
        query=ListQuery,
    ),
    "delete_all_todos": Operation(_TAG, {204: Answer("All of the caller's are in the trash.")}),
    "todo_stats": Operation(_TAG, {200: Answer("Counts.", answers.TodoStats, examples.STATS)}),
    "list_trash": Operation(
        _TAG,
        {200: Answer(
            "Last deleted first.", answers.Todo, [examples.DELETED_TODO], many=True, headers=_PAGING
        )},
        query=PageQuery,
    ),
    "change_in_bulk": Operation(
        _TAG, {200: Answer("A result for each operation.", answers.BulkResult, examples.BULK_RESULT)},
        body=Operations, body_example=examples.BULK, headers=("Idempotency-Key",), problems=(409,),
        note=f"A todo's fields may also stand together in an object `data` of the operation. {KEY_NOTE}",
    ),
    "get_todo": Operation(
        _TAG, {200: _TODO, 304: Answer("The client has the current version.", headers=("ETag",))},
        headers=("If-None-Match",), note="HEAD gives the headers alone.",
    ),
    "update_todo": Operation(
        _TAG, {200: _TODO}, body=TodoChanges, body_example={"status": "completed"}, headers=("If-Match",),
        problems=(412,), note=f"A merge patch (RFC 7396). {_STALE}",
    ),
    "replace_todo": Operation(
        _TAG, {200: _TODO}, body=NewTodo, body_example=examples.NEW_TODO, headers=("If-Match",),
        problems=(412,), note=f"Fields that are not named get their defaults. {_STALE}",
    ),
    "delete_todo": Operation(
        _TAG, {204: Answer("In the trash, for 30 days.")}, headers=("If-Match",), problems=(412,),
        note=_STALE,
    ),
    "restore_todo": Operation(
        _TAG, {200: _TODO}, note="One that is not in the trash is answered as it is.",
    ),
}  # fmt: skip
