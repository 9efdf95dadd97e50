"""A read in one command: as the driver's own, also when its connection has gone."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from common.mongo_read import read_at_once
from tests.integration.link import Link


@pytest.fixture
def things(mongo_link: Link, mongo_uri: str) -> Iterator[Any]:
    name = f"read_{uuid.uuid4().hex[:8]}"
    with MongoClient(
        mongo_link.uri, tz_aware=True, serverSelectionTimeoutMS=500, directConnection=True
    ) as client:
        client[name].things.insert_many([{"_id": n, "even": n % 2 == 0, "hidden": 1} for n in range(300)])
        yield client[name].things
    with MongoClient(mongo_uri) as client:
        client.drop_database(name)


def test_it_finds_what_a_cursor_finds(things: Any) -> None:
    query, fields, order = {"even": True}, {"hidden": 0}, [("_id", -1)]
    cursor = things.find(query, fields, sort=order, limit=140)
    assert read_at_once(things, query, fields, 140, order) == list(cursor)
    assert read_at_once(things, {"_id": 7}, fields, 1) == [{"_id": 7, "even": False}]
    assert read_at_once(things, {"_id": "none"}, fields, 1) == []


def test_a_connection_that_was_lost_costs_no_read(things: Any, mongo_link: Link) -> None:
    assert len(read_at_once(things, {}, {}, 2)) == 2
    mongo_link.cut()
    mongo_link.mend()
    assert len(read_at_once(things, {}, {}, 2)) == 2


def test_a_server_that_is_away_or_refuses_is_told_as_it_is(things: Any, mongo_link: Link) -> None:
    with pytest.raises(OperationFailure):
        read_at_once(things, {"$no": 1}, {}, 1)
    mongo_link.cut()
    with pytest.raises(ServerSelectionTimeoutError):
        read_at_once(things, {}, {}, 1)
    mongo_link.mend()
