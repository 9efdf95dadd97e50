"""Cursors: where a page ended, as text that fits one list only.

Stricter than :mod:`common.paging`: a cursor holds the last document's sort key and id, and a digest
over these and the list's scope (whose list, which order, which filters). The digest tells a damaged or
foreign cursor from a good one; it is no secret, since whoever made one up would only start elsewhere in
a list of their own.
"""

import base64
import hashlib
import json
from datetime import datetime
from typing import Any

from bson import ObjectId

from common import clock
from common.paging import bad_cursor

_DATES = ("created_at", "updated_at", "due_key", "deleted_at")
Position = tuple[Any, ObjectId]


def scope_of(user_id: str, key: str, filters: dict[str, str]) -> str:
    """What a cursor is good for."""
    return json.dumps([user_id, key, sorted(filters.items())])


def encode(scope: str, position: Position) -> str:
    """The cursor for what follows ``position`` in that scope."""
    key, last = position
    plain = [clock.to_text(key) if isinstance(key, datetime) else key, str(last)]
    text = json.dumps([*plain, _digest(scope, plain)], ensure_ascii=False, separators=(",", ":"))
    return _armoured(text.encode())


def decode(scope: str, key: str, cursor: str) -> Position:
    """The position in a cursor; refused if it is damaged, or of another list, order or filter."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        value, last, digest = json.loads(text)
        if digest != _digest(scope, [value, last]) or _armoured(text) != cursor:
            raise ValueError
        return datetime.fromisoformat(value) if key in _DATES else value, ObjectId(last)
    except (ValueError, TypeError, RecursionError):
        raise bad_cursor() from None


def _armoured(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _digest(scope: str, plain: list[Any]) -> str:
    return hashlib.sha256(json.dumps([scope, plain]).encode()).hexdigest()[:16]
