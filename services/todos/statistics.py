"""A user's todos in numbers: one pass over them in the database."""

from datetime import datetime, timedelta
from typing import Any

from services.todos.domain import COMPLETED, STATUSES

_COUNTS = ("total", *STATUSES, "overdue", "due_today")


def pipeline(user_id: str, now: datetime) -> list[dict[str, Any]]:
    """Count by status; overdue is open and past its time, due today is open and due on this day in UTC.

    A todo that was due earlier today counts as both.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    is_open = {"$ne": ["$status", COMPLETED]}
    overdue = [is_open, {"$lt": ["$due_key", now]}]
    today = [
        is_open,
        {"$gte": ["$due_key", midnight]},
        {"$lt": ["$due_key", midnight + timedelta(days=1)]},
    ]
    counts = {
        "total": {"$sum": 1},
        **{status: _count([{"$eq": ["$status", status]}]) for status in STATUSES},
        "overdue": _count(overdue),
        "due_today": _count(today),
    }
    return [{"$match": {"user_id": user_id, "deleted_at": None}}, {"$group": {"_id": None, **counts}}]


def to_wire(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The numbers of the only row; zeros for a user without todos."""
    found = {name: rows[0][name] if rows else 0 for name in _COUNTS}
    by_status = {status: found.pop(status) for status in STATUSES}
    return {"total": found["total"], "by_status": by_status, **found}


def _count(conditions: list[Any]) -> dict[str, Any]:
    return {"$sum": {"$cond": [{"$and": conditions}, 1, 0]}}
