"""What a todo looks like when it comes in, and when it goes out."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ValidationFailed
from common.schemas import load
from services.todos import domain
from services.todos.schemas import NewTodo, TodoChanges, to_wire

JUST_AFTER = datetime(2030, 1, 1, 0, 0, 0, 123_000, UTC)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
ANY_TEXT = st.text(max_size=60) | st.text(st.sampled_from(" \n\t\u200bab"), max_size=60)
BODY = {
    "title": ANY_TEXT, "description": st.none() | ANY_TEXT, "completed": st.booleans(),
    "status": st.sampled_from(domain.STATUSES), "priority": st.sampled_from((*domain.PRIORITIES, "x", None)),
    "due_at": st.none() | st.datetimes().map(datetime.isoformat).map("{}Z".format),
    "tags": st.lists(ANY_TEXT, max_size=22), "order": st.integers() | st.floats(-5, 5),
}  # fmt: skip
NAMES = st.sampled_from(
    ["title", "description", "status", "completed", "priority", "due_at", "tags", "order", "id", "$set"]
)


class ChangesByMarshmallow(TodoChanges):
    def read(self, data):
        return None


class NewByMarshmallow(NewTodo):
    def read(self, data):
        return None


def read(schema, data):
    """What comes of it: the fields in their order, or what is wrong with each."""
    try:
        return list(load(schema, data).items())
    except ValidationFailed as refusal:
        return refusal.details


def refused(schema, data):
    with pytest.raises(ValidationFailed) as refusal:
        load(schema, data)
    return set(refusal.value.details)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"title": None}, "title"), ({"title": ""}, "title"), ({"title": " \t "}, "title"),
        ({"title": "x" * 201}, "title"), ({"title": 5}, "title"), ({"title": "a\nb"}, "title"),
        ({"title": "a\x00"}, "title"), ({"title": "\ud800"}, "title"),
        ({"description": "x" * 10_001}, "description"), ({"description": "\x07"}, "description"),
        ({"description": ["x"]}, "description"), ({"status": "done"}, "status"),
        ({"status": None}, "status"), ({"status": {"$ne": 1}}, "status"),
        ({"completed": "true"}, "completed"), ({"completed": None}, "completed"),
        ({"completed": 1}, "completed"), ({"priority": "HIGH"}, "priority"),
        ({"priority": None}, "priority"), ({"due_at": "2030-01-01"}, "due_at"),
        ({"due_at": "2030-01-01T00:00:00"}, "due_at"), ({"due_at": 5}, "due_at"),
        ({"due_at": ""}, "due_at"), ({"due_at": "0001-01-01T00:00:00+14:00"}, "due_at"),
        ({"tags": None}, "tags"), ({"tags": "a"}, "tags"), ({"tags": ["a", 5]}, "tags.1"),
        ({"tags": ["x" * 51]}, "tags.0"), ({"tags": [" "]}, "tags.0"),
        ({"tags": [str(n) for n in range(21)]}, "tags"), ({"tags": ["a"] * 21}, "tags"),
        ({"order": 2**31}, "order"),
        ({"order": -(2**31) - 1}, "order"), ({"order": "1"}, "order"), ({"order": 1.5}, "order"),
        ({"order": True}, "order"), ({"order": None}, "order"), ({"colour": "red"}, "colour"),
        ({"id": "x"}, "id"), ({"user_id": "x"}, "user_id"), ({"url": "x"}, "url"),
        ({"version": 1}, "version"), ({"created_at": None}, "created_at"),
        ({"deleted_at": None}, "deleted_at"),
        ({"completed": True, "status": "pending"}, "completed"),
        ({"completed": False, "status": "completed"}, "completed"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_its_field(data, field):
    assert refused(TodoChanges, data) == {field}
    assert refused(NewTodo, {"title": "x", **data}) == {field}


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ({"title": "  a b "}, {"title": "a b"}),
        ({"title": "🎉" * 200}, {"title": "🎉" * 200}),
        ({"description": "  a\n\tb\n"}, {"description": "  a\n\tb\n"}),
        ({"description": None, "due_at": None}, {"description": None, "due_at": None}),
        ({"due_at": "2030-01-01t01:00:00.123987+01:00"}, {"due_at": JUST_AFTER}),
        ({"tags": ["b", " a ", "b", "a"]}, {"tags": ["b", "a"]}),
        ({"tags": [str(n % 10) for n in range(20)]}, {"tags": [str(n) for n in range(10)]}),
        ({"order": -(2**31)}, {"order": -(2**31)}),
        ({"order": 2**31 - 1}, {"order": 2**31 - 1}),
        ({"completed": True, "status": "completed"}, {"completed": True, "status": "completed"}),
        ({}, {}),
    ],
)  # fmt: skip
def test_a_good_value_is_read(data, read):
    assert load(TodoChanges, data) == read


def test_a_new_todo_needs_a_title():
    assert refused(NewTodo, {}) == {"title"}
    assert refused(NewTodo, {"title": None}) == {"title"}


@given(st.dictionaries(NAMES, ANY_JSON) | ANY_JSON)
def test_whatever_comes_in_is_refused_or_makes_a_todo_that_obeys_the_limits(data):
    try:
        fields = load(NewTodo, data)
    except ValidationFailed as refusal:
        assert refusal.details
        return
    todo = domain.create("0" * 24, "u", fields, datetime(2026, 1, 1, tzinfo=UTC)).todo
    assert 1 <= len(todo.title) <= 200
    assert todo.status in domain.STATUSES and todo.priority in domain.PRIORITIES
    assert (todo.completed_at is None) == (todo.status != "completed")
    assert len(todo.tags) <= 20


@given(st.fixed_dictionaries({}, optional=BODY) | st.dictionaries(NAMES, ANY_JSON) | ANY_JSON)
def test_fields_one_after_the_other_read_what_marshmallow_reads_and_refuse_what_it_refuses(data):
    assert read(NewTodo, data) == read(NewByMarshmallow, data)
    assert read(TodoChanges, data) == read(ChangesByMarshmallow, data)


def test_the_wire_shape_has_the_contracts_order_and_tells_of_the_trash_only_there():
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    todo = domain.create("0" * 24, "u", {"title": "x", "completed": True}, now).todo
    wire = to_wire(todo, "https://todo.example".__add__)
    assert list(wire) == [
        "id", "title", "description", "status", "completed", "priority", "due_at", "tags", "order", "user_id",
        "url", "created_at", "updated_at", "completed_at", "version",
    ]  # fmt: skip
    assert (wire["completed"], wire["url"]) == (True, f"https://todo.example/api/todos/{'0' * 24}")
    assert wire["completed_at"] == "2026-11-22T12:00:00.000Z"
    trashed = to_wire(domain.trash(todo, now).todo, str)
    assert (list(trashed)[-1], trashed["deleted_at"]) == ("deleted_at", "2026-11-22T12:00:00.000Z")
