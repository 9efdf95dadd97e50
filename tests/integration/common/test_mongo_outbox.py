"""An event inside its document: published after the write, taken over from an instance that died."""

import uuid
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from pymongo import MongoClient

from common import events, mongo
from common.broker import PublishFailed
from common.mongo import MongoOutbox, entry, holding, with_event
from common.outbox import Entry
from tests.integration.running import eventually

KIND = events.NOTIFICATION_SENT


@pytest.fixture
def collection(mongo_uri: str) -> Iterator[Any]:
    with MongoClient(mongo_uri, tz_aware=True) as client:
        name = f"outbox_{uuid.uuid4().hex[:8]}"
        yield client[name].things
        client.drop_database(name)


@pytest.fixture
def store(collection: Any) -> MongoOutbox:
    store = MongoOutbox(collection)
    store.prepare()
    return store


class Published(list[Entry]):
    """What a relay would have published."""

    def __call__(self, entries: Any) -> None:
        self.extend(entries)

    @property
    def attempts(self) -> list[int]:
        return [one.payload["attempt"] for one in self]


def event(attempt: int) -> dict[str, Any]:
    return entry(KIND.source, KIND.name, KIND.make("r-1", message_id="m-1", attempt=attempt))


def refuse(entries: Any) -> None:
    raise PublishFailed("the broker is away")


def test_a_written_event_is_published_and_removed(collection: Any, store: MongoOutbox) -> None:
    collection.insert_one({"_id": 1, "n": 1, **holding(event(1), event(2))})
    store.hint(1)
    published = Published()
    assert store.drain(published) == 2
    assert published.attempts == [1, 2]
    assert collection.find_one() == {"_id": 1, "n": 1}
    assert store.drain(published) == 0


def test_what_its_maker_hands_over_is_published_as_it_is_and_removed(
    collection: Any, store: MongoOutbox
) -> None:
    one = event(1)
    collection.insert_one({"_id": 1, "n": 1, **holding(one)})
    collection.insert_one({"_id": 2, **holding(event(2))})
    store.hint(1, one)
    store.hint(2)
    published = Published()
    assert store.drain(published) == 2
    assert published.attempts == [1, 2]
    assert list(collection.find()) == [{"_id": 1, "n": 1}, {"_id": 2}]


def test_of_a_new_document_that_was_changed_at_once_each_event_is_published_once(
    collection: Any, store: MongoOutbox
) -> None:
    one = event(1)
    collection.insert_one({"_id": 1, **holding(one)})
    store.hint(1, one)
    collection.update_one({"_id": 1}, with_event(event(2)))
    store.hint(1)
    published = Published()
    assert store.drain(published) == 2
    assert published.attempts == [1, 2]
    assert collection.find_one() == {"_id": 1}


def test_what_was_added_to_what_its_maker_handed_over_stays(collection: Any, store: MongoOutbox) -> None:
    one = event(1)
    collection.insert_one({"_id": 1, **holding(one)})
    collection.update_one({"_id": 1}, with_event(event(2)))
    store.hint(1, one)
    published = Published()
    assert store.drain(published) == 1
    assert published.attempts == [1]
    assert [each["payload"]["attempt"] for each in collection.find_one()["outbox"]] == [2]


def test_an_outbox_that_was_left_empty_is_closed(
    collection: Any, store: MongoOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", -1)
    collection.insert_one({"_id": 1, **holding()})
    assert store.drain(Published()) == 1
    assert collection.find_one() == {"_id": 1}


def test_more_hints_than_memory_should_hold_are_left_to_the_store(
    collection: Any, store: MongoOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_MOST_HINTS", 1)
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", -1)
    for number in (1, 2):
        collection.insert_one({"_id": number, **holding(event(number))})
        store.hint(number)
    published = Published()
    while store.drain(published):
        pass
    assert sorted(published.attempts) == [1, 2]


def test_an_update_stores_its_event_with_the_change(collection: Any, store: MongoOutbox) -> None:
    collection.insert_one({"_id": 1, "n": 1, **holding(event(1))})
    change = with_event(event(2))
    change["$set"] |= {"n": 2}
    collection.update_one({"_id": 1}, change)
    store.hint(1)
    published = Published()
    store.drain(published)
    assert published.attempts == [1, 2]
    assert collection.find_one() == {"_id": 1, "n": 2}


def test_what_is_not_ones_own_is_left_to_its_writer_for_a_while(collection: Any, store: MongoOutbox) -> None:
    collection.insert_one({"_id": 1, **holding(event(1))})
    assert store.drain(Published()) == 0
    assert len(collection.find_one()["outbox"]) == 1


def test_what_an_instance_left_when_it_died_is_published_by_another(
    collection: Any, store: MongoOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", 0.3)
    collection.insert_one({"_id": 1, **holding(event(1))})
    published = Published()
    eventually(lambda: store.drain(published), 3)
    assert published.attempts == [1]
    assert "outbox" not in collection.find_one()


def test_the_time_after_which_another_takes_over_is_five_seconds() -> None:
    assert mongo._TAKEOVER_SECONDS == 5


def test_a_publish_that_fails_leaves_the_event_and_it_is_found_again(
    collection: Any, store: MongoOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", 0.3)
    collection.insert_one({"_id": 1, **holding(event(1))})
    store.hint(1)
    with pytest.raises(PublishFailed):
        store.drain(refuse)
    assert len(collection.find_one()["outbox"]) == 1
    published = Published()
    eventually(lambda: store.drain(published), 3)
    assert published.attempts == [1]


def test_an_instance_that_dies_with_what_it_took_over_is_relieved_in_turn(
    collection: Any, store: MongoOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", 0.3)
    collection.insert_one({"_id": 1, **holding(event(1))})
    eventlet.sleep(0.35)
    with pytest.raises(PublishFailed):
        store.drain(refuse)
    published = Published()
    assert store.drain(published) == 0
    eventually(lambda: MongoOutbox(collection).drain(published), 3)
    assert published.attempts == [1]


def test_of_two_that_look_for_left_events_one_gets_each(
    collection: Any, store: MongoOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", 0.3)
    collection.insert_many([{"_id": number, **holding(event(number))} for number in range(50)])
    eventlet.sleep(0.35)
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", 5)
    published = Published()
    for _ in eventlet.GreenPool(2).imap(lambda one: one.drain(published), [store, MongoOutbox(collection)]):
        pass
    assert sorted(published.attempts) == list(range(50))


def test_only_what_was_published_is_removed(collection: Any, store: MongoOutbox) -> None:
    collection.insert_one({"_id": 1, **holding(event(1))})

    def publish(entries: Any) -> None:
        published(entries)
        if len(published) == 1:
            collection.update_one({"_id": 1}, with_event(event(2)))

    published = Published()
    store.hint(1)
    store.drain(publish)
    assert [one["payload"]["attempt"] for one in collection.find_one()["outbox"]] == [2]
    assert "outbox_at" in collection.find_one()
    store.hint(1)
    store.drain(publish)
    assert published.attempts == [1, 2]
    assert collection.find_one() == {"_id": 1}


def test_a_document_that_is_gone_is_no_reason_to_fail(collection: Any, store: MongoOutbox) -> None:
    store.hint(1)
    assert store.drain(Published()) == 0


def test_many_hints_are_worked_off_in_batches(collection: Any, store: MongoOutbox) -> None:
    collection.insert_many([{"_id": number, **holding(event(number))} for number in range(450)])
    for number in range(450):
        store.hint(number)
    published = Published()
    while store.drain(published):
        pass
    assert len(published) == 450
    assert collection.count_documents({"outbox": {"$exists": True}}) == 0
