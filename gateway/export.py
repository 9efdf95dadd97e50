"""All that the suite keeps of a user, put together from the services that keep it."""

from collections.abc import Callable
from typing import Any

from common import clock

Found = dict[str, Any]
_AT_ONCE = "100"


def everything(users: Any, todos: Any, messaging: Any) -> Found:
    """The caller's data: each service is asked for what is its own, a page at a time."""
    return {
        "exported_at": clock.to_text(clock.now()),
        **users.export(),
        "todos": _all(todos.list),
        "trash": _all(todos.trash),
        "messages": _all(messaging.own),
        "audit": _all(users.own_audit),
    }


def _all(call: Callable[..., Found]) -> list[Found]:
    items: list[Found] = []
    cursor: str | None = ""
    while cursor is not None:
        page = call(query={"limit": _AT_ONCE} | ({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["next_cursor"]
    return items
