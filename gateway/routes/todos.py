"""``/api/todos`` (and ``/todos``): the caller's todos."""

from typing import Any

from common import http_pages
from common.http import Reply
from common.identity import Allow
from common.links import Links
from common.request import Request
from common.rpc import Service
from common.service import SuiteService
from gateway import etags
from gateway.http import http
from gateway.idempotency import once


class TodoRoutes(SuiteService):
    """Served by the todo service."""

    todos: Any = Service("todos")
    url: Any = Links()

    @http("POST", "/api/todos", allow=Allow.USER, scope="todos:write")
    def create_todo(self, request: Request) -> Reply:
        """Add a todo."""
        todo = self.todos.create(data=request.payload, **once(request))
        return etags.tagged(todo, 201, Location=todo["url"])

    @http("GET", "/api/todos", allow=Allow.USER, scope="todos:read", query=True)
    def list_todos(self, request: Request) -> Reply:
        """Todos by filter, a page at a time."""
        found = self.todos.shared.list.unread(query=http_pages.query(request))
        return http_pages.page(request, found, self.url)

    @http("DELETE", "/api/todos", allow=Allow.USER, scope="todos:write")
    def delete_all_todos(self, request: Request) -> Reply:
        """Put all todos into the trash."""
        self.todos.delete_all()
        return Reply(204)

    @http("GET", "/api/todos/stats", allow=Allow.USER, scope="todos:read")
    def todo_stats(self, request: Request) -> Reply:
        """How many there are, by status."""
        return Reply(200, self.todos.shared.stats())

    @http("GET", "/api/todos/trash", allow=Allow.USER, scope="todos:read", query=True)
    def list_trash(self, request: Request) -> Reply:
        """Deleted todos that can still be restored, a page at a time."""
        found = self.todos.shared.trash.unread(query=http_pages.query(request))
        return http_pages.page(request, found, self.url)

    @http("POST", "/api/todos/bulk", allow=Allow.USER, scope="todos:write")
    def change_in_bulk(self, request: Request) -> Reply:
        """Several operations in one call, each with a result of its own."""
        return Reply(200, self.todos.bulk(data=request.payload, **once(request)))

    @http("GET", "/api/todos/<todo_id>", allow=Allow.USER, scope="todos:read")
    def get_todo(self, request: Request, todo_id: str) -> Reply:
        """One todo, or 304 if the client has its current version."""
        return etags.unless_known(request, self.todos.shared.get(todo_id=todo_id))

    @http("PATCH", "/api/todos/<todo_id>", allow=Allow.USER, scope="todos:write")
    def update_todo(self, request: Request, todo_id: str) -> Reply:
        """Change some fields (a JSON merge patch)."""
        wanted = self._if_version(request, todo_id)
        return etags.tagged(self.todos.update(todo_id=todo_id, changes=request.payload, if_version=wanted))

    @http("PUT", "/api/todos/<todo_id>", allow=Allow.USER, scope="todos:write")
    def replace_todo(self, request: Request, todo_id: str) -> Reply:
        """Give all fields new values."""
        wanted = self._if_version(request, todo_id)
        return etags.tagged(self.todos.replace(todo_id=todo_id, data=request.payload, if_version=wanted))

    @http("DELETE", "/api/todos/<todo_id>", allow=Allow.USER, scope="todos:write")
    def delete_todo(self, request: Request, todo_id: str) -> Reply:
        """Put a todo into the trash."""
        self.todos.delete(todo_id=todo_id, if_version=self._if_version(request, todo_id))
        return Reply(204)

    @http("POST", "/api/todos/<todo_id>/restore", allow=Allow.USER, scope="todos:write")
    def restore_todo(self, request: Request, todo_id: str) -> Reply:
        """Take a todo out of the trash."""
        return etags.tagged(self.todos.restore(todo_id=todo_id))

    def _if_version(self, request: Request, todo_id: str) -> int | None:
        return etags.if_version(request, lambda: self.todos.get(todo_id=todo_id)["version"])
