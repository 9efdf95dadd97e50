"""Bulk calls and the removal of everything: all results, one event, nothing half done."""

from types import SimpleNamespace

import pytest

from common import clock
from common.errors import ValidationFailed
from services.todos.storage import TodoStore
from services.todos.sweep import Sweep


def statuses(answer):
    return [(result["op"], result["status"]) for result in answer["results"]]


def test_each_operation_has_its_result_and_a_bad_one_undoes_no_other(user, heard):
    first, second, third = (user.make(title) for title in ("one", "two", "three"))
    answer = user.todos.bulk(
        {
            "ops": [
                {"op": "create", "title": "four", "priority": "high"},
                {"op": "create", "title": ""},
                {"op": "update", "id": first["id"], "title": "ONE", "if_version": 1},
                {"op": "update", "id": first["id"], "title": "late", "if_version": 1},
                {"op": "update", "id": "0" * 24, "title": "x"},
                {"op": "complete", "id": second["id"].upper()},
                {"op": "delete", "id": third["id"]},
                {"op": "delete", "id": third["id"]},
                {"op": "fly", "id": third["id"]},
                "no object",
            ]
        }
    )
    assert statuses(answer) == [
        ("create", 201), ("create", 422), ("update", 200), ("update", 412), ("update", 404),
        ("complete", 200), ("delete", 204), ("delete", 404), ("fly", 422), (None, 422),
    ]  # fmt: skip
    results = answer["results"]
    assert results[1]["error"]["code"] == "validation_failed" and "title" in results[1]["error"]["errors"]
    assert set(results[3]["error"]) == {"code", "message"}
    assert "todo" not in results[6] and "error" not in results[6]
    for result in results:
        if "todo" in result:
            assert user.todos.get(result["todo"]["id"]) == result["todo"]
    assert user.titles(sort="title") == ["four", "ONE", "two"]
    name, event = heard.of(user, 4)[3]
    assert (name, event["count"]) == ("todo_updated", 4)
    assert event["changes"] == ["created", "title", "status", "deleted"]
    assert {todo["title"] for todo in event["todos"]} == {"four", "ONE", "two", "three"}


@pytest.mark.parametrize(
    ("op", "event"),
    [
        ("create", "todo_created"),
        ("update", "todo_updated"),
        ("complete", "todo_completed"),
        ("delete", "todo_deleted"),
    ],
)
def test_operations_of_one_kind_are_told_by_that_kinds_event(user, heard, op, event):
    made = user.todos.bulk({"ops": [{"op": "create", "title": f"todo {n}"} for n in range(3)]})["results"]
    heard.of(user, 1)
    if op != "create":
        more = {"priority": "low"} if op == "update" else {}
        user.todos.bulk({"ops": [{"op": op, "id": one["todo"]["id"], **more} for one in made]})
    name, body = heard.of(user, 1 if op == "create" else 2)[-1]
    assert (name, body["count"], len(body["todos"])) == (event, 3, 3)


def test_operations_on_one_todo_follow_each_other(user, heard):
    todo = user.make()
    ops = [
        {"op": "update", "id": todo["id"], "title": "a"},
        {"op": "update", "id": todo["id"], "title": "b", "if_version": 2},
        {"op": "update", "id": todo["id"], "title": "b"},
        {"op": "complete", "id": todo["id"]},
    ]
    results = user.todos.bulk({"ops": ops})["results"]
    assert [result["todo"]["version"] for result in results] == [2, 3, 3, 4]
    assert user.todos.get(todo["id"]) == results[-1]["todo"]
    body = heard.of(user, 2)[1][1]
    assert (body["count"], len(body["todos"]), body["todos"][0]["status"]) == (1, 1, "completed")


def test_a_call_in_which_nothing_changes_announces_nothing(user, heard):
    todo = user.make()
    ops = [{"op": "update", "id": todo["id"], "title": "Buy milk"}, {"op": "delete", "id": "x"}]
    assert statuses(user.todos.bulk({"ops": ops})) == [("update", 200), ("delete", 404)]
    heard.of(user, 1)


def test_the_fields_may_stand_together_in_data(user):
    ops = [{"op": "create", "data": {"title": "x", "tags": ["t"]}}]
    todo = user.todos.bulk({"ops": ops})["results"][0]["todo"]
    ops = [{"op": "update", "id": todo["id"], "if_version": 1, "data": {"tags": []}}]
    assert user.todos.bulk({"ops": ops})["results"][0]["todo"]["tags"] == []


@pytest.mark.parametrize(
    ("op", "field"),
    [
        ({"op": "create"}, "title"), ({"op": "create", "title": "x", "id": "y"}, "id"),
        ({"op": "create", "title": "x", "user_id": "y"}, "user_id"), ({"op": "update", "title": "x"}, "id"),
        ({"op": "update", "id": {"$ne": 1}, "title": "x"}, "id"), ({"op": "delete"}, "id"),
        ({"op": "delete", "id": "x", "title": "y"}, "title"),
        ({"op": "update", "id": "x", "if_version": "1"}, "if_version"),
        ({"op": "complete", "id": "x", "status": "pending"}, "status"), ({"title": "x"}, "op"),
        ({"op": ["create"], "title": "x"}, "op"), ({"op": "create", "data": 5}, "data"),
        ({"op": "create", "data": {"title": "x"}, "title": "y"}, "title"),
    ],
)  # fmt: skip
def test_a_bad_operation_says_which_field(user, op, field):
    [result] = user.todos.bulk({"ops": [op]})["results"]
    assert result["status"] == 422
    assert field in result["error"]["errors"]
    assert user.titles() == []


@pytest.mark.parametrize(
    "body", [None, [], {}, {"ops": {}}, {"ops": []}, {"ops": [{}] * 101}, {"ops": [], "x": 1}]
)
def test_a_body_without_one_to_a_hundred_operations_is_refused(user, body):
    with pytest.raises(ValidationFailed):
        user.todos.bulk(body)


def test_a_hundred_operations_are_one_call_and_one_event(user, heard):
    answer = user.todos.bulk({"ops": [{"op": "create", "title": f"todo {n}"} for n in range(100)]})
    assert [result["todo"]["title"] for result in answer["results"]] == [f"todo {n}" for n in range(100)]
    [(name, body)] = heard.of(user, 1)
    assert (name, body["count"], len(body["todos"])) == ("todo_created", 100, 100)


def test_anothers_todos_are_not_found_in_bulk_either(user, new_user):
    todo, other = user.make(), new_user()
    ops = [{"op": op, "id": todo["id"]} for op in ("update", "complete", "delete")]
    assert [status for _, status in statuses(other.todos.bulk({"ops": ops}))] == [404] * 3
    assert user.todos.get(todo["id"]) == todo


def test_everything_goes_to_the_trash_with_one_event(user, heard, new_user):
    other = new_user()
    kept = other.make()
    for _ in range(2):
        user.todos.bulk({"ops": [{"op": "create", "title": "x"}] * 100})
    user.todos.delete(user.todos.list()["items"][0]["id"])
    assert user.todos.delete_all() == {"deleted": 199}
    assert user.todos.delete_all() == {"deleted": 0}
    name, body = heard.of(user, 4)[3]
    assert (name, body["count"], len(body["todos"])) == ("todo_deleted", 199, 100)
    assert user.todos.trash({"count": "true"})["total"] == 200
    assert other.todos.get(kept["id"]) == kept


def test_concurrent_bulk_calls_and_single_updates_lose_no_change(user, at_once, heard):
    """Each raises the version of the same todos; what the last one sees is the sum of all."""
    ids = [user.make(f"todo {n}")["id"] for n in range(5)]

    def in_bulk(title):
        ops = [{"op": "update", "id": one, "title": title} for one in ids]
        return lambda caller: statuses(caller.todos.bulk({"ops": ops}))

    def singly(text):
        return lambda caller: [caller.todos.update(one, {"description": text}) for one in ids]

    answers = at_once(in_bulk("a"), singly("1"), in_bulk("b"), singly("2"), in_bulk("c"), singly("3"))
    assert all(answer == [("update", 200)] * 5 for answer in answers[::2])
    assert [user.todos.get(one)["version"] for one in ids] == [7] * 5
    heard.of(user, 5 + 3 + 15)


def test_everything_goes_once_though_it_is_asked_twice_at_the_same_time(user, at_once, heard):
    user.todos.bulk({"ops": [{"op": "create", "title": "x"}] * 30})
    answers = at_once(*[lambda caller: caller.todos.delete_all()["deleted"]] * 3)
    assert sorted(answers) == [0, 0, 30]
    heard.of(user, 2)


def test_many_todos_go_to_the_trash_in_steps_and_still_with_one_event(user, heard, monkeypatch):
    monkeypatch.setattr(Sweep, "step_size", 30)
    user.todos.bulk({"ops": [{"op": "create", "title": "x"}] * 70})
    assert user.todos.delete_all() == {"deleted": 70}
    name, body = heard.of(user, 2)[1]
    assert (name, body["count"], len(body["todos"])) == ("todo_deleted", 70, 30)


def test_a_removal_that_was_cut_short_has_announced_exactly_what_it_did(user, heard, collection, monkeypatch):
    monkeypatch.setattr(Sweep, "step_size", 30)
    user.todos.bulk({"ops": [{"op": "create", "title": "x"}] * 50})
    store = TodoStore(SimpleNamespace(todos=collection, shown=collection, answers=None), "r")
    assert Sweep(store.todos, store._entry, user.id, clock.now()).step(collection.database.client) == 30
    heard.of(user, 1)
    assert heard.of(user, 2, seconds=15)[1][1]["count"] == 30
    assert (len(user.titles()), user.todos.trash({"count": "true"})["total"]) == (20, 30)


def test_an_event_that_was_published_meanwhile_is_followed_by_another(user, heard, collection, monkeypatch):
    monkeypatch.setattr(Sweep, "step_size", 30)
    user.todos.bulk({"ops": [{"op": "create", "title": "x"}] * 50})
    store = TodoStore(SimpleNamespace(todos=collection, shown=collection, answers=None), "r")
    sweep, client = Sweep(store.todos, store._entry, user.id, clock.now()), collection.database.client
    assert sweep.step(client) == 30
    collection.update_one({"_id": sweep.places[0].holder}, {"$unset": {"outbox": "", "outbox_at": ""}})
    assert (sweep.step(client), sweep.step(client), len(sweep.places)) == (20, 0, 2)
    assert heard.of(user, 2, seconds=15)[1][1]["count"] == 20
