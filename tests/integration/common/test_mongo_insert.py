"""An insertion in one command: as the driver's own, also when its answer is lost."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import eventlet
import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.errors import (
    DuplicateKeyError,
    InvalidDocument,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
)

from common.mongo_insert import insert_at_once
from tests.integration.databases import Commands
from tests.integration.link import Link
from tests.integration.running import eventually

THING = {"_id": 1, "at": datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=UTC), "parts": [{"b": 1, "a": None}]}
NUMBERS_ONLY = {"$jsonSchema": {"properties": {"number": {"bsonType": "int"}}}}


@pytest.fixture
def sent() -> Commands:
    return Commands()


@pytest.fixture
def direct(mongo_uri: str) -> Iterator[Any]:
    """The collection by a way that is always free."""
    with MongoClient(mongo_uri, tz_aware=True) as client:
        database = client[f"insert_{uuid.uuid4().hex[:8]}"]
        yield database.create_collection("things", validator=NUMBERS_ONLY)
        client.drop_database(database.name)


@pytest.fixture
def things(mongo_link: Link, direct: Any, sent: Commands) -> Iterator[Any]:
    how = {"serverSelectionTimeoutMS": 500, "directConnection": True, "event_listeners": [sent]}
    with MongoClient(mongo_link.uri, tz_aware=True, **how) as client:
        client.admin.command("ping")
        yield client[direct.database.name].things


def stored(direct: Any) -> list[Any]:
    return list(direct.find(sort=[("_id", 1)]))


def test_it_stores_what_the_driver_stores_without_its_books(things: Any, direct: Any, sent: Commands) -> None:
    insert_at_once(things, dict(THING))
    things.insert_one({**THING, "_id": 2})
    one, other = stored(direct)
    assert one == {**other, "_id": 1}
    assert ["txnNumber" in command for command in sent.of("insert")] == [False, True]


def test_it_waits_for_as_many_members_as_the_collection_says(things: Any, sent: Commands) -> None:
    insert_at_once(things.with_options(write_concern=WriteConcern("majority", j=True)), dict(THING))
    assert sent.of("insert")[0]["writeConcern"] == {"w": "majority", "j": True}


def test_what_the_server_refuses_is_told_as_by_the_driver(things: Any, direct: Any) -> None:
    insert_at_once(things, dict(THING))
    with pytest.raises(DuplicateKeyError) as taken:
        insert_at_once(things, {"_id": 1, "number": 2})
    assert taken.value.details["keyValue"] == {"_id": 1}
    with pytest.raises(WriteError) as invalid:
        insert_at_once(things, {"_id": 2, "number": "none"})
    assert invalid.value.code == 121
    with pytest.raises(InvalidDocument):
        insert_at_once(things, {"_id": 3, "number": object()})
    assert [one["_id"] for one in stored(direct)] == [1]


def test_a_server_that_is_away_is_told_as_it_is(things: Any, mongo_link: Link) -> None:
    mongo_link.cut()
    with pytest.raises(ServerSelectionTimeoutError):
        insert_at_once(things, dict(THING))
    mongo_link.mend()


def test_an_insertion_whose_question_was_lost_is_made(things: Any, mongo_link: Link, direct: Any) -> None:
    things.find_one({})
    mongo_link.cut()
    mongo_link.mend()
    insert_at_once(things, dict(THING))
    assert len(stored(direct)) == 1


def lose_the_answer(things: Any, mongo_link: Link, direct: Any, taken: int) -> Any:
    """An insertion that the server has carried out, and whose answer is lost."""
    things.find_one({})
    mongo_link.freeze(takes_questions=True)
    under_way = eventlet.spawn(insert_at_once, things, dict(THING))
    eventually(lambda: len(stored(direct)) == taken and mongo_link.held > 0)
    mongo_link.cut()
    mongo_link.thaw()
    mongo_link.mend()
    return under_way


def test_an_insertion_whose_answer_was_lost_is_made_once(things: Any, mongo_link: Link, direct: Any) -> None:
    under_way = lose_the_answer(things, mongo_link, direct, 1)
    under_way.wait()
    assert [one["_id"] for one in stored(direct)] == [1]


def test_where_the_answer_was_lost_and_another_s_is_there_the_key_is_taken(
    things: Any, mongo_link: Link, direct: Any
) -> None:
    direct.insert_one({**THING, "parts": []})
    under_way = lose_the_answer(things, mongo_link, direct, 1)
    with pytest.raises(DuplicateKeyError):
        under_way.wait()
    assert stored(direct)[0]["parts"] == []


def test_what_is_not_known_to_be_on_enough_members_is_no_success(things: Any, direct: Any) -> None:
    with pytest.raises(WriteConcernError):
        insert_at_once(things.with_options(write_concern=WriteConcern(2, wtimeout=50)), dict(THING))
    assert len(stored(direct)) == 1


def test_nor_is_what_was_found_there_and_is_on_too_few(things: Any, mongo_link: Link, direct: Any) -> None:
    careful = things.with_options(write_concern=WriteConcern(2, wtimeout=50))
    under_way = lose_the_answer(careful, mongo_link, direct, 1)
    with pytest.raises(WriteConcernError):
        under_way.wait()
