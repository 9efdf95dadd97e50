"""The todo service: todos in MongoDB."""

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from marshmallow import Schema, ValidationError, fields, validate
from nameko.events import EventDispatcher
from nameko.rpc import rpc

from bench.stock.mongo import MongoDatabase
from bench.stock.tokens import BadToken, Tokens

MOST = 100


class TodoSchema(Schema):
    """A todo as it comes in and goes out."""

    id = fields.String(attribute="_id", dump_only=True)
    title = fields.String(required=True, validate=validate.Length(1, 200))
    description = fields.String(allow_none=True, load_default=None, validate=validate.Length(max=10_000))
    status = fields.String(
        load_default="pending", validate=validate.OneOf(["pending", "in_progress", "completed"])
    )
    completed = fields.Function(lambda todo: todo["status"] == "completed")
    priority = fields.String(load_default="medium", validate=validate.OneOf(["low", "medium", "high"]))
    due_at = fields.AwareDateTime(allow_none=True, load_default=None)
    tags = fields.List(
        fields.String(validate=validate.Length(1, 50)), load_default=list, validate=validate.Length(max=20)
    )
    order = fields.Integer(load_default=0)
    user_id = fields.String(dump_only=True)
    url = fields.Function(lambda todo: f"http://localhost:3000/api/todos/{todo['_id']}")
    created_at = fields.DateTime(dump_only=True)
    updated_at = fields.DateTime(dump_only=True)
    completed_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


TODO, TODOS = TodoSchema(), TodoSchema(many=True)


class NotFound(Exception):
    """The caller has no such todo."""


class TodosService:
    """Todos of users."""

    name = "todos"
    db = MongoDatabase("todos", [("user_id", 1), ("created_at", -1)])
    tokens = Tokens()
    dispatch = EventDispatcher()

    @rpc(expected_exceptions=(BadToken, ValidationError))
    def create(self, token: str, data: dict[str, Any]) -> dict[str, Any]:
        """Keep a new todo and tell of it."""
        caller, now = self.tokens.verify(token), datetime.now(UTC)
        todo = TODO.load(data) | {
            "user_id": caller["sub"], "created_at": now, "updated_at": now, "completed_at": None,
            "version": 1,
        }  # fmt: skip
        self.db.todos.insert_one(todo)
        shown: dict[str, Any] = TODO.dump(todo)
        self.dispatch("todo_created", {"user_id": caller["sub"], "todo": shown})
        return shown

    @rpc(expected_exceptions=BadToken)
    def list(self, token: str, limit: Any = 50) -> list[dict[str, Any]]:
        """The caller's todos, newest first."""
        caller = self.tokens.verify(token)
        found = self.db.todos.find({"user_id": caller["sub"]}).sort("created_at", -1)
        shown: list[dict[str, Any]] = TODOS.dump(found.limit(min(int(limit), MOST)))
        return shown

    @rpc(expected_exceptions=(BadToken, NotFound))
    def get(self, token: str, todo_id: str) -> dict[str, Any]:
        """One of the caller's todos."""
        caller = self.tokens.verify(token)
        known = ObjectId(todo_id) if ObjectId.is_valid(todo_id) else None
        todo = self.db.todos.find_one({"_id": known, "user_id": caller["sub"]})
        if todo is None:
            raise NotFound("There is no such todo.")
        shown: dict[str, Any] = TODO.dump(todo)
        return shown
