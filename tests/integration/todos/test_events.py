"""What the todo service tells others: one event for each change, stored with it."""

import eventlet
import pytest
from nameko.testing.services import entrypoint_hook

from common import events
from common.errors import NotFound
from services.todos.service import TodosService


def test_each_kind_of_change_has_its_event(user, heard):
    todo = user.make(priority="high", due_at="2030-01-01T00:00:00Z")
    user.todos.update(todo["id"], {"title": "Buy oat milk", "tags": ["shop"]})
    user.todos.update(todo["id"], {"completed": True})
    user.todos.update(todo["id"], {"completed": False})
    user.todos.delete(todo["id"])
    user.todos.restore(todo["id"])
    found = heard.of(user, 6)
    assert [(name, body.get("changes")) for name, body in found] == [
        ("todo_created", None),
        ("todo_updated", ["title", "tags"]),
        ("todo_completed", ["status"]),
        ("todo_updated", ["status"]),
        ("todo_deleted", None),
        ("todo_updated", ["restored"]),
    ]
    summary = {"id": todo["id"], "title": "Buy milk", "status": "pending", "priority": "high"}
    assert found[0][1]["todos"] == [{**summary, "due_at": "2030-01-01T00:00:00.000Z"}]
    assert found[2][1]["todos"][0]["status"] == "completed"


def test_an_event_has_the_fields_of_the_events_page_and_the_calls_request_id(user, heard):
    user.make()
    [(_, body)] = heard.of(user, 1)
    assert set(body) == {*events.ENVELOPE, *events.TODO_CREATED.fields}
    assert (body["count"], body["request_id"], body["version"]) == (1, f"request-of-{user.id}", 1)


def test_a_call_that_is_refused_announces_nothing(user, heard):
    todo = user.make()
    with pytest.raises(NotFound):
        user.todos.delete("0" * 24)
    user.todos.update(todo["id"], {"title": "Buy milk"})
    heard.of(user, 1)


def test_the_outbox_is_empty_once_the_events_are_out_and_never_shown(user, heard, collection):
    todo = user.make()
    assert "outbox" not in todo
    user.todos.bulk({"ops": [{"op": "complete", "id": todo["id"]}, {"op": "create", "title": "x"}]})
    heard.of(user, 2)
    for _ in range(100):
        if not collection.count_documents({"user_id": user.id, "outbox_at": {"$exists": True}}):
            break
        eventlet.sleep(0.02)
    assert not any(
        {"outbox", "outbox_at"} & document.keys() for document in collection.find({"user_id": user.id})
    )


def test_an_event_that_its_writer_could_not_publish_is_published_by_another(user, heard, service, collection):
    """A document as a killed process leaves it behind: with its event, and nobody's hint."""
    todo = user.make()
    heard.of(user, 1)
    storage = next(provider for provider in service.dependencies if provider.attr_name == "todos")
    announce, storage.announce = storage.announce, lambda identifier: None
    try:
        user.todos.update(todo["id"], {"title": "Left behind"})
    finally:
        storage.announce = announce
    assert collection.count_documents({"user_id": user.id, "outbox_at": {"$exists": True}}) == 1
    assert heard.of(user, 2, seconds=15)[1][1]["todos"][0]["title"] == "Left behind"


def test_a_deleted_users_todos_are_removed_with_the_trash_and_nobody_elses(
    user, new_user, service, collection
):
    other = new_user()
    kept = other.make()
    user.make()
    user.todos.delete(user.make()["id"])
    event = events.USER_DELETED.make("r", user_id=user.id)
    for _ in range(2):
        with entrypoint_hook(service, TodosService.handle_user_deleted.__name__) as handle:
            handle(event)
    assert collection.count_documents({"user_id": user.id}) == 0
    assert other.todos.get(kept["id"]) == kept


@pytest.mark.parametrize("odd", [{"$ne": None}, {"$gt": ""}, None, ["x"]])
def test_an_event_with_an_odd_user_id_removes_nothing(user, service, collection, odd):
    user.make()
    before = collection.estimated_document_count()
    with entrypoint_hook(service, TodosService.handle_user_deleted.__name__) as handle:
        handle({**events.USER_DELETED.make("r", user_id="x"), "user_id": odd})
    assert collection.estimated_document_count() == before
