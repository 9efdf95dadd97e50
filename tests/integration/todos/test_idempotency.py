"""Calls with an idempotency key: carried out once, whoever repeats them, however many at once."""

import uuid
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest

from common import clock
from common.errors import Conflict, ValidationFailed
from common.group_commit import GroupCommit
from common.idempotency import read_key
from services.todos import domain
from services.todos.answers import Answers
from services.todos.collection import in_transaction
from services.todos.schemas import to_wire
from services.todos.service import TodosService
from services.todos.storage import TodoStore
from tests.integration.running import Running, eventually

MILK = {"title": "Buy milk", "tags": ["shop"]}
OPS = {
    "ops": [{"op": "create", "title": "one"}, {"op": "create", "title": ""}, {"op": "create", "title": "two"}]
}


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def store(collection) -> TodoStore:
    """The todos as an instance without a relay has them: what it writes is published by another."""
    database = collection.database
    storage = SimpleNamespace(
        client=database.client, todos=collection, shown=collection, group=GroupCommit(collection),
        answers=Answers(database["answers"]), announce=lambda *_: None,
    )  # fmt: skip
    return TodoStore(storage, "r")


@pytest.fixture
def kept(collection) -> Any:
    """The answers as an administrator of the database sees them."""
    return collection.database["answers"]


@pytest.mark.parametrize(("method", "body", "made"), [("create", MILK, 1), ("bulk", OPS, 2)])
def test_a_repeated_call_has_the_first_answer_and_no_other_effect(user, heard, key, method, body, made):
    call = getattr(user.todos, method)
    first = call(body, idempotency_key=key)
    assert [call(body, idempotency_key=key) for _ in range(3)] == [first] * 3
    assert len(user.titles()) == made
    heard.of(user, 1)
    assert call(body, idempotency_key=str(uuid.uuid4())) != first
    assert call(body) != first


def test_the_first_answer_comes_again_whatever_has_become_of_the_todo(user, key):
    first = user.todos.create(MILK, idempotency_key=key)
    user.todos.update(first["id"], {"title": "Buy bread"})
    assert user.todos.create(MILK, idempotency_key=key) == first
    user.todos.delete(first["id"])
    assert user.todos.create(MILK, idempotency_key=key) == first
    assert user.titles() == []


def test_bulk_operations_on_what_is_there_are_not_made_twice(user, key):
    todo = user.make()
    ops = {"ops": [{"op": "update", "id": todo["id"], "order": 1}, {"op": "delete", "id": todo["id"]}]}
    first = user.todos.bulk(ops, idempotency_key=key)
    user.todos.restore(todo["id"])
    assert user.todos.bulk(ops, idempotency_key=key) == first
    assert user.todos.get(todo["id"])["order"] == 1


def test_the_key_of_another_call_is_refused(user, key):
    user.todos.create(MILK, idempotency_key=key)
    calls = [
        lambda: user.todos.create({**MILK, "title": "Buy bread"}, idempotency_key=key),
        lambda: user.todos.bulk({"ops": [{"op": "create", **MILK}]}, idempotency_key=key),
        lambda: user.todos.bulk(MILK | {"ops": [1]}, idempotency_key=key),
    ]
    codes = []
    for call in calls:
        with pytest.raises(ValidationFailed) as caught:
            call()
        codes.append(caught.value.code)
    assert codes == ["idempotency_key_reused", "idempotency_key_reused", "validation_failed"]
    assert user.titles() == ["Buy milk"]


def test_a_key_is_its_users_alone(user, new_user, key):
    first = user.todos.create(MILK, idempotency_key=key)
    other = new_user()
    second = other.todos.create({"title": "Buy bread"}, idempotency_key=key)
    assert (first["id"] != second["id"], other.titles(), user.titles()) == (True, ["Buy bread"], ["Buy milk"])


@pytest.mark.parametrize("wrong", ["", " ", "x" * 201, "a\x00b", 5, {"$ne": ""}])
def test_a_key_that_is_none_is_refused_and_nothing_is_made(user, wrong):
    for call, body in ((user.todos.create, MILK), (user.todos.bulk, OPS)):
        with pytest.raises(ValidationFailed) as caught:
            call(body, idempotency_key=wrong)
        assert list(caught.value.details) == ["idempotency_key"]
    assert user.titles() == []


def test_a_call_that_was_refused_has_not_used_its_key(user, key):
    for call, body in ((user.todos.create, {"title": ""}), (user.todos.bulk, {"ops": []})):
        with pytest.raises(ValidationFailed):
            call(body, idempotency_key=key)
    assert user.todos.create(MILK, idempotency_key=key)["title"] == "Buy milk"


def test_of_many_at_once_one_is_carried_out(user, at_once, heard, key):
    def attempt(method, body, name):
        def call(caller):
            try:
                return getattr(caller.todos, method)(body, idempotency_key=name)
            except Conflict as refusal:
                return refusal.code

        return call

    for number, (method, body) in enumerate([("create", MILK), ("bulk", OPS)] * 3, start=1):
        name = f"{key}-{number}"
        answers = at_once(*[attempt(method, body, name)] * 12)
        first = getattr(user.todos, method)(body, idempotency_key=name)
        assert all(answer in (first, "idempotency_key_in_flight") for answer in answers)
        assert first in answers
        heard.of(user, number)
    assert len(user.titles()) == 3 * (1 + 2)


def test_while_the_first_call_is_under_way_the_second_is_told_so(user, store, key):
    held, over = eventlet.Event(), eventlet.Event()

    def slow(session):
        held.send()
        over.wait()
        return None, {"of": "the first"}

    known = read_key(key, user.id, ["bulk", OPS])
    work = store.answers.once(user.id, known, slow)
    first = eventlet.spawn(in_transaction, store.storage.client, work)
    held.wait()
    with pytest.raises(Conflict) as caught:
        user.todos.bulk(OPS, idempotency_key=key)
    over.send()
    assert caught.value.code == "idempotency_key_in_flight"
    assert first.wait()[1] == user.todos.bulk(OPS, idempotency_key=key) == {"of": "the first"}


def test_a_call_that_died_half_way_is_finished_by_the_next(user, store, heard, monkeypatch, key):
    change = domain.create(store.new_id(), user.id, MILK, clock.now())
    shown = partial(to_wire, url=str)

    def die(_):
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(store, "add", die)
        with pytest.raises(ConnectionResetError):
            store.add_once(change, read_key(key, user.id, ["create", MILK]), shown)
    assert user.titles() == []
    assert user.todos.create(MILK, idempotency_key=key) == shown(change.todo)
    assert [todo["id"] for todo in user.todos.list()["items"]] == [change.todo.id]
    heard.of(user, 1)


def test_a_bulk_call_that_died_half_way_has_left_nothing(user, store, kept, key):
    def die(_):
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.change_many(user.id, set(), die, read_key(key, user.id, ["bulk", OPS]))
    assert (user.titles(), kept.count_documents({"user_id": user.id})) == ([], 0)
    assert len(user.todos.bulk(OPS, idempotency_key=key)["results"]) == 3


def test_another_instance_knows_the_key_also_after_a_restart(user, suite_config, collection, key):
    first = user.todos.create(MILK, idempotency_key=key)
    for _ in range(2):
        other = Running(TodosService, suite_config)
        try:
            store = other.inject("todos")
            change = domain.create(store.new_id(), user.id, MILK, clock.now())
            found = store.add_once(change, read_key(key, user.id, ["create", MILK]), lambda todo: {})
        finally:
            other.stop()
        assert found == first


def test_after_a_day_the_key_is_new_also_before_the_server_has_removed_it(user, kept, key):
    first = user.todos.create(MILK, idempotency_key=key)
    left = kept.find_one({"user_id": user.id})["expires_at"] - clock.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    kept.update_one({"user_id": user.id}, {"$set": {"expires_at": clock.now()}})
    bread = {"title": "Buy bread"}
    second = user.todos.create(bread, idempotency_key=key)
    assert (second["id"] != first["id"], second["title"]) == (True, "Buy bread")
    assert user.todos.create(bread, idempotency_key=key) == second


def test_the_server_removes_answers_whose_time_is_over(user, kept):
    expiring = [index for index in kept.index_information().values() if "expireAfterSeconds" in index]
    assert [(index["key"], index["expireAfterSeconds"]) for index in expiring] == [([("expires_at", 1)], 0)]


def test_an_answer_with_field_names_that_the_database_does_not_take_is_kept(user, key):
    odd = {"$where": 1, "a.b": 2, "a\x00b": 3, "": 4}
    ops = {"ops": [{"op": "create", "title": "x"}, {"op": "create", "title": "y", **odd}]}
    first = user.todos.bulk(ops, idempotency_key=key)
    assert [result["status"] for result in first["results"]] == [201, 422]
    assert user.todos.bulk(ops, idempotency_key=key) == first


def test_the_largest_answer_is_kept(user, key):
    text = "\U0001f600" * 10_000
    made = [user.make(f"todo {n}", description=text)["id"] for n in range(10)]
    ops = {"ops": [{"op": "update", "id": made[n % 10], "order": n + 1} for n in range(100)]}
    first = user.todos.bulk(ops, idempotency_key=key)
    assert user.todos.bulk(ops, idempotency_key=key) == first


def test_a_users_removal_takes_the_answers_with_it(user, store, collection, kept, key):
    user.todos.create(MILK, idempotency_key=key)
    eventually(lambda: collection.count_documents({"user_id": user.id, "outbox_at": {"$exists": True}}) == 0)
    store.forget(user.id)
    assert kept.count_documents({"user_id": user.id}) == 0
