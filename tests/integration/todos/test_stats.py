"""A user's todos in numbers."""

from datetime import UTC, datetime, timedelta


def test_a_user_without_todos_has_zeros(user):
    by_status = {"pending": 0, "in_progress": 0, "completed": 0}
    assert user.todos.stats() == {"total": 0, "by_status": by_status, "overdue": 0, "due_today": 0}


def test_the_numbers_count_live_todos_by_status_and_open_ones_by_date(user, new_user):
    now = datetime.now(UTC)
    yesterday, next_week = ((now + timedelta(days=days)).isoformat() for days in (-1, 7))
    tonight = now.replace(hour=23, minute=59, second=59).isoformat()
    new_user().make(due_at=yesterday)
    for fields in (
        {}, {"status": "in_progress"}, {"due_at": yesterday}, {"due_at": yesterday, "completed": True},
        {"due_at": tonight}, {"due_at": tonight, "completed": True}, {"due_at": next_week},
    ):  # fmt: skip
        user.make(**fields)
    user.todos.delete(user.make(due_at=yesterday)["id"])
    by_status = {"pending": 4, "in_progress": 1, "completed": 2}
    assert user.todos.stats() == {"total": 7, "by_status": by_status, "overdue": 1, "due_today": 1}
