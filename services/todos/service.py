"""The todo service: what it can be asked. Rules are in ``domain``, shapes in ``schemas``.

Todos belong to the caller; an administrator sees no more than their own. Ids that are missing,
somebody else's or no ids at all are one answer: ``NotFound("todo_not_found")``.
"""

from functools import partial
from typing import Any

from common import clock, events
from common.delivery import handles
from common.idempotency import read_key
from common.identity import Allow
from common.links import Links
from common.logging import get_logger
from common.paging import Page
from common.rpc import Repeated, deleting, rpc
from common.schemas import load
from common.service import SuiteService
from services.todos import bulk, domain, queries
from services.todos.queries import Listing
from services.todos.schemas import NewTodo, TodoChanges, to_wire
from services.todos.storage import TodoStorage

log = get_logger()
Wire = dict[str, Any]


class TodosService(SuiteService):
    """Todos of users: create, list, change, trash and restore, one at a time or in bulk."""

    name = "todos"
    todos = TodoStorage()
    is_repeated: Any = Repeated()
    url = Links()

    @rpc(allow=Allow.USER, scope="todos:write")
    def create(self, data: Any, idempotency_key: str | None = None) -> Wire:
        """Make a todo; the fields are those of :class:`services.todos.schemas.NewTodo`.

        With an idempotency key, the same call again within 24 hours makes no other: it has the first answer.
        """
        key = read_key(idempotency_key, self.caller.user_id, ["create", data])
        fields = load(NewTodo, data)
        change = domain.create(self.todos.new_id(), self.caller.user_id, fields, clock.now())
        show = partial(to_wire, url=self.url)
        return self.todos.add_once(change, key, show) if key else show(self.todos.add(change))

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:read")
    def list(self, query: Any = None) -> Wire:
        """``{"items", "next_cursor", "total"}``; see :class:`services.todos.queries.ListQuery`."""
        return self._page(queries.listing(self.caller.user_id, query))

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:read")
    def trash(self, query: Any = None) -> Wire:
        """The caller's trash, last deleted first, in the shape of ``list``; ``limit, cursor, count``."""
        return self._page(queries.trash_listing(self.caller.user_id, query))

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:read")
    def get(self, todo_id: str) -> Wire:
        """One todo."""
        return to_wire(self.todos.get(self.caller.user_id, todo_id), self.url)

    @rpc(allow=Allow.USER, scope="todos:write")
    def update(self, todo_id: str, changes: Any, if_version: int | None = None) -> Wire:
        """Set the named fields; null empties ``description`` and ``due_at``. 412 on another version."""
        rule = partial(domain.edit, fields=load(TodoChanges, changes), now=clock.now())
        return to_wire(self.todos.change(self.caller.user_id, todo_id, rule, if_version), self.url)

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:write")
    def replace(self, todo_id: str, data: Any, if_version: int | None = None) -> Wire:
        """Set all writable fields: those that ``data`` does not name, to their defaults."""
        rule = partial(domain.overwrite, fields=load(NewTodo, data), now=clock.now())
        owner, again = self.caller.user_id, self.is_repeated
        return to_wire(self.todos.change(owner, todo_id, rule, if_version, again=again), self.url)

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:write")
    def delete(self, todo_id: str, if_version: int | None = None) -> None:
        """Put a todo into the trash, where it stays for 30 days."""
        rule = partial(domain.trash, now=clock.now())
        with deleting(self.is_repeated):
            self.todos.change(self.caller.user_id, todo_id, rule, if_version)

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:write")
    def delete_all(self) -> Wire:
        """Put all of the caller's todos into the trash; ``{"deleted": n}``."""
        return {"deleted": self.todos.trash_all(self.caller.user_id, clock.now())}

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:write")
    def restore(self, todo_id: str) -> Wire:
        """Take a todo out of the trash; one that is not there is returned as it is."""
        rule = partial(domain.restore, now=clock.now())
        return to_wire(self.todos.change(self.caller.user_id, todo_id, rule, in_trash=True), self.url)

    @rpc(allow=Allow.USER, scope="todos:write")
    def bulk(self, data: Any, idempotency_key: str | None = None) -> Wire:
        """Many operations in one call, with one event; see :class:`services.todos.bulk.BulkBody`.

        An idempotency key does the same as in ``create``.
        """
        key = read_key(idempotency_key, self.caller.user_id, ["bulk", data])
        batch = bulk.read(self.caller.user_id, data, clock.now())
        rule = partial(bulk.answer, batch, self.todos.new_id, self.url)
        answer: Wire = self.todos.change_many(batch.user_id, batch.ids, rule, key)
        return answer

    @rpc(allow=Allow.USER, idempotent=True, scope="todos:read")
    def stats(self) -> Wire:
        """``{"total", "by_status", "overdue", "due_today"}``; days are days in UTC."""
        counts: Wire = self.todos.stats(self.caller.user_id, clock.now())
        return counts

    @handles(events.USER_DELETED)
    def handle_user_deleted(self, event: Wire) -> None:
        """Remove all that the user had; a second time finds nothing and is right as well."""
        log.info("todos_forgotten", user_id=event["user_id"], count=self.todos.forget(event["user_id"]))

    def _page(self, listing: Listing) -> Wire:
        page: Page[domain.Todo] = self.todos.page(listing)
        return page.show(partial(to_wire, url=self.url))
