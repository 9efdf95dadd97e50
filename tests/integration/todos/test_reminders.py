"""Whoever has a todo that is due soon is told so once for each due date, by whichever instance is first."""

from datetime import UTC, timedelta
from functools import partial

import eventlet
import pytest

from common import clock
from services.todos import collection as todos_collection
from services.todos import documents, domain
from services.todos.reminders import Reminders
from services.todos.storage import event_of

HOUR = timedelta(hours=1)
SOON = timedelta(minutes=10)


def text_in(ahead: timedelta) -> str:
    return clock.to_text(clock.now() + ahead)


def reminded(heard, user, seconds=5):
    """The due dates that the user was reminded of so far; waits until there is one."""
    end = clock.now() + timedelta(seconds=seconds)
    while not (found := _reminders(heard, user)) and clock.now() < end:
        eventlet.sleep(0.02)
    return found


def _reminders(heard, user):
    return [body["todos"][0]["due_at"] for name, body in heard._of(user) if name == "todo_due_soon"]


@pytest.fixture
def kept(collection):
    """Todos in a database that no running service looks at."""
    database = collection.database.client["todos_to_remind_of"]
    todos_collection.prepare(database)
    yield database["todos"].with_options(collection.codec_options)
    database.client.drop_database(database.name)


@pytest.fixture
def keep(kept):
    """Keep a todo; its id."""

    def make(ahead: timedelta | None = SOON, **fields):
        due_at = None if ahead is None else clock.now() + ahead
        wished = {"title": "Buy milk", "due_at": due_at, **fields}
        change = domain.create(str(documents.ObjectId()), "somebody", wished, clock.now())
        kept.insert_one({"_id": documents.ObjectId(change.todo.id), **documents.to_document(change.todo)})
        return documents.ObjectId(change.todo.id)

    return make


@pytest.fixture
def sweep(kept):
    """Let one instance look, until it finds nothing; the ids that it has announced."""

    def run(before: timedelta | None = HOUR):
        announced = []
        reminders = Reminders(kept, before, event_of, announced.append)
        while reminders.hand_out_due():
            pass
        return announced

    return run


def test_of_a_todo_that_is_due_soon_its_owner_is_told_within_seconds_and_it_stays_as_it_was(user, heard):
    todo = user.make(due_at=text_in(SOON), priority="high")
    assert reminded(heard, user) == [todo["due_at"]]
    assert user.todos.get(todo["id"]) == todo
    [_, (name, body)] = heard.of(user, 2)
    summary = {name: todo[name] for name in ("id", "title", "status", "priority", "due_at")}
    assert (name, body["todos"], body["count"]) == ("todo_due_soon", [summary], 1)


def test_another_change_does_not_remind_again_and_another_due_date_does(user, heard, collection):
    todo = user.make(due_at=text_in(SOON))
    assert reminded(heard, user) == [todo["due_at"]]
    mark = {"_id": documents.ObjectId(todo["id"]), "reminded_for": {"$type": "date"}}
    user.todos.update(todo["id"], {"title": "Buy oat milk"})
    user.todos.bulk({"ops": [{"op": "update", "id": todo["id"], "priority": "high"}]})
    user.todos.update(todo["id"], {"completed": True})
    user.todos.update(todo["id"], {"completed": False})
    user.todos.delete(todo["id"])
    user.todos.restore(todo["id"])
    assert collection.count_documents(mark) == 1

    later = user.todos.update(todo["id"], {"due_at": text_in(2 * SOON)})
    heard.of(user, 10)
    assert _reminders(heard, user) == [todo["due_at"], later["due_at"]]


def test_a_bulk_change_of_the_due_date_takes_the_mark_away(user, heard, collection):
    todo = user.make(due_at=text_in(SOON))
    assert reminded(heard, user) == [todo["due_at"]]
    user.todos.bulk({"ops": [{"op": "update", "id": todo["id"], "due_at": text_in(2 * HOUR)}]})
    assert collection.find_one({"_id": documents.ObjectId(todo["id"])})["reminded_for"] is None


def test_instances_that_look_at_the_same_time_remind_of_each_todo_once(kept, keep, sweep):
    ids = {keep() for _ in range(120)}
    jobs = [eventlet.spawn(sweep) for _ in range(3)]
    announced = [job.wait() for job in jobs]
    assert sorted(one for some in announced for one in some) == sorted(ids)
    assert sum(1 for some in announced if some) > 1, "only one has looked"
    assert [len(one["outbox"]) for one in kept.find()] == [1] * len(ids)
    assert sweep() == []


def test_only_open_todos_within_the_time_ahead_are_reminded_of(kept, keep, sweep):
    keep(None)
    keep(-timedelta(seconds=1))
    keep(2 * HOUR)
    keep(status="completed")
    kept.update_one({"_id": keep()}, {"$set": {"deleted_at": clock.now()}})
    open_ones = [keep(SOON), keep(2 * SOON, status="in_progress")]
    assert sweep() == open_ones


def test_with_reminders_switched_off_there_is_none(keep, sweep):
    ids = [keep()]
    assert sweep(None) == []
    assert sweep() == ids


def test_the_mark_is_the_due_date_and_version_and_time_of_the_last_change_stay(kept, keep, sweep):
    identifier = keep()
    before = kept.find_one()
    assert sweep() == [identifier]
    after = kept.find_one()
    assert after["reminded_for"] == before["due_at"].astimezone(UTC)
    assert {name: after[name] for name in before} == before


def test_what_changes_while_it_is_looked_at_is_left_for_the_next_look(kept, keep, sweep):
    identifier = keep()
    todo = documents.from_document(kept.find_one())
    kept.update_one({"_id": identifier}, {"$set": {"title": "Buy oat milk"}, "$inc": {"version": 1}})
    announced = []
    Reminders(kept, HOUR, event_of, announced.append)._remind(todo)
    assert announced == []
    assert sweep() == [identifier]
    assert kept.find_one()["outbox"][0]["payload"]["todos"][0]["title"] == "Buy oat milk"


def test_the_look_reads_nothing_but_what_it_reminds_of(kept, keep, sweep):
    some = [partial(keep), partial(keep, None), partial(keep, -HOUR), partial(keep, status="completed")]
    for make in some * 5:
        make()
    sweep()
    keep()
    query = Reminders._due(HOUR)
    told = kept.find(query).sort("due_at").limit(100).explain()["executionStats"]
    assert (told["nReturned"], told["totalDocsExamined"]) == (1, 1)
    assert told["totalKeysExamined"] <= 2
