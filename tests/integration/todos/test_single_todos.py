"""One todo at a time: created, read, changed, put into the trash and taken out again."""

import re
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import eventlet
import pytest

from common import context
from common.errors import NotFound, PreconditionFailed, Unauthenticated, ValidationFailed
from common.group_read import GroupRead
from common.mongo import HIDDEN
from services.todos.storage import TodoStore


def test_a_new_todo_has_the_defaults_and_all_fields_of_the_contract(user, suite_config):
    todo = user.make("  Buy milk  ")
    assert list(todo) == [
        "id", "title", "description", "status", "completed", "priority", "due_at", "tags", "order",
        "user_id", "url", "created_at", "updated_at", "completed_at", "version",
    ]  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{24}", todo["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", todo["created_at"])
    assert todo == {
        **todo, "title": "Buy milk", "description": None, "status": "pending", "completed": False,
        "priority": "medium", "due_at": None, "tags": [], "order": 0, "user_id": user.id,
        "url": f"{suite_config['PUBLIC_URL']}/api/todos/{todo['id']}", "updated_at": todo["created_at"],
        "completed_at": None, "version": 1,
    }  # fmt: skip


def test_links_lie_under_the_address_that_the_client_used(new_user):
    todo = new_user(base_url="https://todo.example").make()
    assert todo["url"] == f"https://todo.example/api/todos/{todo['id']}"


def test_what_was_created_is_what_is_read(user):
    todo = user.make("Ärger 🎉", description="a\nb", due_at="2030-01-02T03:04:05+01:00", tags=["x", "y", "x"])
    assert user.todos.get(todo["id"]) == todo
    assert (todo["due_at"], todo["tags"]) == ("2030-01-02T02:04:05.000Z", ["x", "y"])


def test_the_longest_values_allowed_are_kept(user):
    todo = user.make("🎉" * 200, description="🎉" * 10_000, tags=["🎉" * 49 + str(n % 10) for n in range(10)])
    assert user.todos.get(todo["id"])["description"] == "🎉" * 10_000


def test_a_refusal_names_each_bad_field(user):
    with pytest.raises(ValidationFailed) as refusal:
        user.todos.create({"title": " ", "priority": "urgent", "id": "x", "tags": ["ok", ""]})
    assert set(refusal.value.details) == {"title", "priority", "id", "tags.1"}


@pytest.mark.parametrize("data", [None, [], "title", 7])
def test_what_is_no_object_is_refused(user, data):
    with pytest.raises(ValidationFailed):
        user.todos.create(data)


def test_an_update_changes_what_it_names_and_null_empties(user):
    todo = user.make(description="long", due_at="2030-01-01T00:00:00Z")
    after = user.todos.update(todo["id"], {"description": None, "due_at": None, "priority": "high"})
    assert after == {
        **todo, "description": None, "due_at": None, "priority": "high", "version": 2,
        "updated_at": after["updated_at"],
    }  # fmt: skip
    assert user.todos.get(todo["id"]) == after


def test_an_update_that_changes_nothing_leaves_the_todo_as_it_is(user, heard):
    todo = user.make()
    assert user.todos.update(todo["id"], {"title": "Buy milk", "completed": False}) == todo
    assert user.todos.update(todo["id"], {}) == todo
    heard.of(user, 1)


def test_completing_sets_the_time_and_reopening_clears_it(user):
    todo = user.make()
    done = user.todos.update(todo["id"], {"completed": True})
    assert (done["status"], done["completed"], done["completed_at"]) == (
        "completed",
        True,
        done["updated_at"],
    )
    again = user.todos.update(todo["id"], {"title": "Bought milk"})
    assert again["completed_at"] == done["completed_at"]
    reopened = user.todos.update(todo["id"], {"completed": False})
    assert (reopened["status"], reopened["completed_at"]) == ("pending", None)


def test_a_replacement_resets_what_it_does_not_name(user):
    todo = user.make(description="d", tags=["t"], status="in_progress", priority="low", order=4)
    after = user.todos.replace(todo["id"], {"title": "New"})
    fresh = {"description": None, "tags": [], "status": "pending", "priority": "medium", "order": 0}
    assert {name: after[name] for name in fresh} == fresh
    assert (after["title"], after["version"], after["created_at"]) == ("New", 2, todo["created_at"])


def test_a_replacement_needs_a_title(user):
    todo = user.make()
    with pytest.raises(ValidationFailed) as refusal:
        user.todos.replace(todo["id"], {"description": "x"})
    assert set(refusal.value.details) == {"title"}


@pytest.mark.parametrize("call", ["update", "replace"])
def test_a_stale_version_changes_nothing(user, call):
    todo = user.make()
    user.todos.update(todo["id"], {"order": 1})
    with pytest.raises(PreconditionFailed) as refusal:
        getattr(user.todos, call)(todo["id"], {"title": "Mine"}, if_version=1)
    assert refusal.value.code == "version_mismatch"
    assert user.todos.get(todo["id"])["title"] == "Buy milk"
    assert getattr(user.todos, call)(todo["id"], {"title": "Mine"}, if_version=2)["version"] == 3


def test_a_deleted_todo_lies_in_the_trash_until_it_is_restored(user):
    todo = user.make()
    assert user.todos.delete(todo["id"]) is None
    for call in (user.todos.get, user.todos.delete):
        with pytest.raises(NotFound):
            call(todo["id"])
    trashed = user.todos.trash()["items"]
    assert [(one["id"], one["version"], "deleted_at" in one) for one in trashed] == [(todo["id"], 2, True)]
    restored = user.todos.restore(todo["id"])
    assert restored == {**todo, "version": 3, "updated_at": restored["updated_at"]}
    assert user.todos.restore(todo["id"]) == restored == user.todos.get(todo["id"])
    assert user.todos.trash()["items"] == []


def test_what_may_have_been_carried_out_before_succeeds_where_nothing_is_left_to_do(user):
    todo = user.make()
    changed = user.todos.replace(todo["id"], {"title": "Bread"}, 1)
    with replace(user, context=user.context | {context.REPEATED: "yes"}).again() as repeated:
        assert repeated.todos.replace(todo["id"], {"title": "Bread"}, 1) == changed
        with pytest.raises(PreconditionFailed):
            repeated.todos.replace(todo["id"], {"title": "Butter"}, 1)
        user.todos.delete(todo["id"])
        assert repeated.todos.delete(todo["id"]) is None
    assert len(user.todos.trash()["items"]) == 1


def test_a_delete_of_a_stale_version_is_refused(user):
    todo = user.make()
    with pytest.raises(PreconditionFailed):
        user.todos.delete(todo["id"], if_version=7)
    user.todos.delete(todo["id"], if_version=1)


ODD_IDS = [
    "",
    "x",
    "0" * 23,
    "0" * 25,
    "zzzzzzzzzzzzzzzzzzzzzzzz",
    "twelve bytes",
    None,
    5,
    {"$ne": None},
    ["a"],
]


@pytest.mark.parametrize("odd", [*ODD_IDS, "0" * 24])
def test_an_id_of_nothing_is_not_found_whatever_it_looks_like(user, odd):
    user.make()
    calls = [
        lambda: user.todos.get(odd),
        lambda: user.todos.update(odd, {"title": "x"}),
        lambda: user.todos.replace(odd, {"title": "x"}),
        lambda: user.todos.delete(odd),
        lambda: user.todos.restore(odd),
    ]
    for call in calls:
        with pytest.raises(NotFound) as refusal:
            call()
        assert refusal.value.code == "todo_not_found"


@pytest.mark.parametrize("role", ["user", "admin"])
def test_anothers_todo_is_not_found_not_even_by_an_administrator(user, new_user, role):
    todo, other = user.make(), new_user(role=role)
    calls = [
        lambda: other.todos.get(todo["id"]),
        lambda: other.todos.update(todo["id"], {"title": "x"}),
        lambda: other.todos.replace(todo["id"], {"title": "x"}),
        lambda: other.todos.delete(todo["id"]),
        lambda: other.todos.restore(todo["id"]),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert other.todos.list()["items"] == []
    assert other.todos.delete_all() == {"deleted": 0}
    assert user.todos.get(todo["id"]) == todo


def test_without_a_token_nothing_is_answered(new_user):
    stranger = new_user(auth_token="")
    with pytest.raises(Unauthenticated):
        stranger.todos.list()


def test_of_all_who_read_a_todo_in_one_query_only_its_owner_sees_it(user, new_user, collection):
    todo, deleted, other = user.make(), user.make("Old milk"), new_user()
    user.todos.delete(deleted["id"])
    singles = GroupRead(collection, HIDDEN)
    store = TodoStore(SimpleNamespace(todos=collection, shown=None, singles=singles, answers=None), "r")
    asked = [(other, todo), *product((user, other), (todo, deleted))]
    begun = [eventlet.spawn(_title, store, who.id, what["id"]) for who, what in asked]
    assert [one.wait() for one in begun] == [None, "Buy milk", None, None, None]


def _title(store, user_id, todo_id):
    try:
        return store.get(user_id, todo_id).title
    except NotFound:
        return None
