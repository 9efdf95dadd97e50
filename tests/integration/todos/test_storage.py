"""The collection: made once by many, guarded by its validator, emptied of old trash by the server."""

from functools import partial

import eventlet
import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError, WriteError

from common.errors import PreconditionFailed, Unavailable
from ops.engines import MongoDB
from ops.engines.ports import free_port
from services.todos import collection as todos_collection
from services.todos import documents
from services.todos.service import TodosService
from tests.integration.running import Running


@pytest.fixture
def empty_database(collection):
    database = collection.database.client["todos_to_be"]
    database.client.drop_database(database.name)
    yield database
    database.client.drop_database(database.name)


def test_a_process_that_is_told_to_stop_as_soon_as_it_has_started_ends_in_order(suite_config):
    for _ in range(3):  # what it has begun by then differs
        started = Running(TodosService, suite_config)
        with eventlet.Timeout(8):
            started.container.stop()
        assert started.container._died.wait() is None


def test_several_instances_may_prepare_the_collection_at_once_and_again(empty_database):
    jobs = [eventlet.spawn(todos_collection.prepare, empty_database) for _ in range(4)]
    for job in jobs:
        job.wait()
    made = empty_database["todos"].index_information()
    todos_collection.prepare(empty_database)
    assert empty_database["todos"].index_information() == made
    assert empty_database["todos"].options()["validator"] == documents.VALIDATOR


def test_preparing_an_older_collection_keeps_its_documents_and_indexes(empty_database):
    old = empty_database["todos"]
    old.insert_one({"old": True})
    old.create_index("of_an_operator")
    todos_collection.prepare(empty_database)
    assert old.find_one()["old"] is True
    assert "of_an_operator_1" in old.index_information()
    assert old.options()["validator"] == documents.VALIDATOR


def test_a_document_that_is_no_todo_is_refused_by_the_database(user, collection):
    todo = user.make()
    document = collection.find_one({"user_id": user.id})
    for broken in ({"status": "done"}, {"title": ""}, {"due_at": "tomorrow"}, {"version": 0}, {"tags": "x"}):
        with pytest.raises(WriteError):
            collection.insert_one({**document, "_id": documents.ObjectId(), **broken})
    with pytest.raises(WriteError):
        collection.update_one({"_id": document["_id"]}, {"$unset": {"title": ""}})
    assert user.todos.get(todo["id"]) == todo


def test_the_server_removes_what_has_lain_in_the_trash_for_thirty_days(collection):
    expiring = [index for index in collection.index_information().values() if "expireAfterSeconds" in index]
    assert [(index["key"], index["expireAfterSeconds"]) for index in expiring] == [
        ([("deleted_at", 1)], 2592000)
    ]


def test_of_updates_at_the_same_time_none_is_lost(user, at_once, heard):
    todo = user.make()
    fields = [{"title": "new"}, {"order": 5}, {"priority": "high"}, {"description": "d"}]
    answers = at_once(*[partial(_update, todo["id"], changes) for changes in fields])
    assert sorted(answer["version"] for answer in answers) == [2, 3, 4, 5]
    after = user.todos.get(todo["id"])
    assert all(after.items() >= changes.items() for changes in fields)
    heard.of(user, 5)


def test_of_thirty_updates_of_one_field_all_count(user, at_once):
    todo = user.make()
    answers = at_once(*[partial(_update, todo["id"], {"order": n}) for n in range(1, 31)])
    assert sorted(answer["version"] for answer in answers) == list(range(2, 32))
    last = next(answer for answer in answers if answer["version"] == 31)
    assert user.todos.get(todo["id"]) == last


def test_of_conditional_updates_at_the_same_time_exactly_one_succeeds(user, at_once):
    todo = user.make()

    def attempt(caller):
        try:
            return caller.todos.update(todo["id"], {"title": caller.context["request_id"]}, if_version=1)
        except PreconditionFailed:
            return None

    won = [answer for answer in at_once(attempt, attempt, attempt) if answer]
    assert won == [user.todos.get(todo["id"])]


def test_a_server_that_is_no_replica_set_refuses_what_needs_a_transaction(tmp_path):
    server = Standalone(tmp_path, free_port(), fast=True)
    server.start()
    try:
        server.wait_ready(60)
        with MongoClient(server.uri) as client:
            todos_collection.prepare(client["todos"])
            with pytest.raises(Unavailable) as refusal:
                todos_collection.in_transaction(client, partial(_count, client["todos"]["todos"]))
    finally:
        server.kill()
    assert refusal.value.code == "transactions_unavailable"


class Standalone(MongoDB):
    """A server of its own, as ``mongod`` without options is."""

    def command(self) -> list[str]:
        command = super().command()
        return [part for part in command if part not in ("--replSet", "rs0", "--oplogSize", "128")]

    def is_ready(self) -> bool:
        with MongoClient(self.uri, serverSelectionTimeoutMS=500) as client:
            try:
                return bool(client.admin.command("ping")["ok"])
            except PyMongoError:
                return False


def _update(todo_id, changes, caller):
    return caller.todos.update(todo_id, changes)


def _count(todos, session):
    return todos.count_documents({}, session=session)
