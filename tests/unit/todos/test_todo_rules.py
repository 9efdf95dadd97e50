"""What may happen to a todo, and what is told of it."""

from datetime import UTC, datetime, timedelta

import pytest

from common import events
from common.errors import PreconditionFailed
from services.todos import domain

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def a_todo(**fields):
    return domain.create("0" * 24, "user-1", {"title": "Buy milk", **fields}, NOW).todo


def test_a_new_todo_begins_at_version_one_with_the_defaults():
    todo = a_todo()
    assert (todo.version, todo.status, todo.priority, todo.tags) == (1, "pending", "medium", [])
    assert (todo.created_at, todo.updated_at, todo.completed_at, todo.deleted_at) == (NOW, NOW, None, None)


def test_the_defaults_of_one_todo_are_not_those_of_the_next():
    a_todo().tags.append("mine")
    assert a_todo(tags=[*a_todo().tags]).tags == []


@pytest.mark.parametrize("fields", [{"completed": True}, {"status": "completed"}])
def test_a_todo_may_be_born_completed(fields):
    assert a_todo(**fields).completed_at == NOW


@pytest.mark.parametrize(
    ("before", "fields", "after"),
    [
        ("pending", {"completed": True}, "completed"),
        ("in_progress", {"completed": True}, "completed"),
        ("completed", {"completed": False}, "pending"),
        ("in_progress", {"completed": False}, "in_progress"),
        ("completed", {"completed": False, "status": "in_progress"}, "in_progress"),
        ("completed", {"status": "pending"}, "pending"),
    ],
)
def test_completed_stands_for_a_status(before, fields, after):
    todo = a_todo(status=before)
    change = domain.edit(todo, fields, LATER)
    assert (change.todo if change else todo).status == after


def test_an_edit_that_changes_nothing_is_no_change():
    todo = a_todo(tags=["a"], completed=True)
    assert domain.edit(todo, {}, LATER) is None
    assert domain.edit(todo, {"title": "Buy milk", "tags": ["a"], "completed": True}, LATER) is None
    assert domain.overwrite(todo, {"title": "Buy milk", "tags": ["a"], "completed": True}, LATER) is None


def test_an_edit_counts_the_version_up_and_names_what_changed():
    change = domain.edit(a_todo(), {"title": "Buy milk", "order": 3, "tags": ["b"]}, LATER)
    assert (change.fields, change.event) == (("order", "tags"), events.TODO_UPDATED)
    assert (change.todo.version, change.todo.updated_at, change.todo.created_at) == (2, LATER, NOW)


def test_the_time_of_completion_is_that_of_the_first_change_to_completed():
    done = domain.edit(a_todo(), {"completed": True}, LATER)
    assert (done.todo.completed_at, done.event) == (LATER, events.TODO_COMPLETED)
    again = domain.edit(done.todo, {"title": "x", "completed": True}, LATER + timedelta(hours=1))
    assert (again.todo.completed_at, again.event) == (LATER, events.TODO_UPDATED)
    assert domain.edit(again.todo, {"status": "pending"}, LATER).todo.completed_at is None


def test_a_todo_goes_into_the_trash_and_comes_back():
    gone = domain.trash(a_todo(), LATER)
    assert (gone.todo.deleted_at, gone.todo.version, gone.event) == (LATER, 2, events.TODO_DELETED)
    back = domain.restore(gone.todo, LATER)
    assert (back.todo.deleted_at, back.todo.version, back.fields) == (None, 3, ("restored",))
    assert domain.restore(back.todo, LATER) is None


def test_another_version_than_the_current_one_is_refused():
    domain.check_version(a_todo(), None)
    domain.check_version(a_todo(), 1)
    for version in (0, 2, "1", {"$gt": 0}):
        with pytest.raises(PreconditionFailed):
            domain.check_version(a_todo(), version)


def changes(*kinds):
    made = {
        "create": lambda todo: domain.create(todo.id, todo.user_id, {"title": "x"}, NOW),
        "edit": lambda todo: domain.edit(todo, {"title": "other", "order": 2}, NOW),
        "complete": lambda todo: domain.edit(todo, {"completed": True}, NOW),
        "trash": lambda todo: domain.trash(todo, NOW),
    }
    return [made[kind](a_todo()._replace(id=f"{n:024}")) for n, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    ("kinds", "event"),
    [
        (["create"] * 2, events.TODO_CREATED),
        (["edit"] * 2, events.TODO_UPDATED),
        (["complete"] * 2, events.TODO_COMPLETED),
        (["trash"] * 2, events.TODO_DELETED),
        (["create", "trash"], events.TODO_UPDATED),
        (["edit", "complete"], events.TODO_UPDATED),
    ],
)
def test_one_event_tells_of_all_changes_of_a_call(kinds, event):
    found, payload = domain.announcement("request-1", changes(*kinds))
    assert (found, payload["count"], len(payload["todos"])) == (event, 2, 2)
    assert set(payload) == {*events.ENVELOPE, *event.fields}


def test_a_mixed_event_names_each_kind_of_change_once():
    _, payload = domain.announcement("r", changes("create", "edit", "edit", "complete", "trash"))
    assert payload["changes"] == ["created", "title", "order", "status", "deleted"]


def test_a_mixed_event_tells_of_each_todo_what_became_of_it():
    _, payload = domain.announcement("r", changes("create", "edit", "complete", "trash"))
    assert [todo["change"] for todo in payload["todos"]] == ["created", "updated", "completed", "deleted"]


@pytest.mark.parametrize(
    ("kinds", "word"),
    [
        (("create", "edit"), "created"), (("create", "complete"), "created"),
        (("create", "trash"), "deleted"), (("complete", "edit"), "completed"),
        (("edit", "complete"), "completed"), (("complete", "reopen"), "updated"),
        (("edit", "complete", "trash"), "deleted"),
    ],
)  # fmt: skip
def test_a_todo_that_changed_in_several_ways_has_the_word_for_all_of_them(kinds, word):
    steps = {
        "create": lambda todo: domain.create(todo.id, todo.user_id, {"title": "x"}, NOW),
        "edit": lambda todo: domain.edit(todo, {"order": todo.order + 1}, NOW),
        "complete": lambda todo: domain.edit(todo, {"completed": True}, NOW),
        "reopen": lambda todo: domain.edit(todo, {"completed": False}, NOW),
        "trash": lambda todo: domain.trash(todo, NOW),
    }
    made, todo = [], a_todo()
    for kind in kinds:
        made.append(steps[kind](todo))
        todo = made[-1].todo
    _, payload = domain.announcement("r", made)
    assert [one["change"] for one in payload["todos"]] == [word]


@pytest.mark.parametrize("kind", ["create", "edit", "complete", "trash"])
def test_an_event_of_one_kind_of_change_says_so_by_its_name_alone(kind):
    _, payload = domain.announcement("r", changes(kind, kind))
    assert not any("change" in todo for todo in payload["todos"])


def test_a_todo_that_changed_twice_is_told_once_as_it_is_in_the_end():
    first = domain.edit(a_todo(), {"title": "a"}, NOW)
    second = domain.edit(first.todo, {"title": "b", "due_at": LATER}, NOW)
    _, payload = domain.announcement("r", [first, second])
    assert payload["count"] == 1
    assert payload["todos"] == [
        {
            "id": "0" * 24,
            "title": "b",
            "status": "pending",
            "priority": "medium",
            "due_at": "2026-11-22T13:00:00.000Z",
        }
    ]


def test_an_event_lists_a_hundred_todos_and_counts_all():
    _, payload = domain.announcement("r", changes(*["trash"] * 150))
    assert (len(payload["todos"]), payload["count"]) == (100, 150)
    _, payload = domain.announcement("r", changes("trash"), count=4000)
    assert (len(payload["todos"]), payload["count"]) == (1, 4000)
