"""Pages by cursor: an opaque text that says where the last page ended."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from common.errors import ValidationFailed
from common.schemas import NO_CURSOR, invalid

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items, where the next page begins (None: there is none), and the total if it was counted."""

    items: list[Item]
    next_cursor: str | None
    total: int | None

    @classmethod
    def cut(
        cls, found: list[Item], limit: int, total: int | None, cursor: Callable[[Item], str]
    ) -> "Page[Item]":
        """A page from ``limit + 1`` items read: the one too many tells that there is more."""
        items = found[:limit]
        return cls(items, cursor(items[-1]) if len(found) > limit else None, total)

    def show(self, show: Callable[[Item], Any]) -> dict[str, Any]:
        """The page as it goes over RPC, each item shown by ``show``."""
        items = [show(item) for item in self.items]
        return {"items": items, "next_cursor": self.next_cursor, "total": self.total}


def write_cursor(*place: Any) -> str:
    """An opaque cursor for the sort values of the last item."""
    values = [value.isoformat() if isinstance(value, datetime) else value for value in place]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int = 2) -> list[Any]:
    """The sort values in a cursor; ValidationFailed for one that is not ours."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise bad_cursor() from None
    if not isinstance(values, list) or len(values) != length:
        raise bad_cursor()
    return values


def bad_cursor() -> ValidationFailed:
    """The error for a cursor that was not made by this list."""
    return invalid({"cursor": [NO_CURSOR]})
