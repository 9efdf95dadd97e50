"""Reads by key that share a query: each has its own document, or the failure that it would have had alone."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
import pytest
from pymongo import MongoClient

from common.errors import Unavailable
from common.group_read import GroupRead
from tests.integration.databases import Commands
from tests.integration.link import Link
from tests.integration.running import eventually


class Sent(Commands):
    """What each ``find`` has asked for."""

    @property
    def keys(self) -> list[Any]:
        return [command["filter"]["_id"] for command in self.of("find")]


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def direct(mongo_uri: str) -> Iterator[Any]:
    """The collection as somebody else sees it, whose way to the server is always free."""
    name = f"group_read_{uuid.uuid4().hex[:8]}"
    with MongoClient(mongo_uri) as client:
        client[name].things.insert_many([{"_id": n, "square": n * n, "hidden": 1} for n in range(200)])
        yield client[name].things
        client.drop_database(name)


@pytest.fixture
def reads(mongo_link: Link, sent: Sent, direct: Any) -> Iterator[GroupRead]:
    how = {"serverSelectionTimeoutMS": 500, "directConnection": True, "event_listeners": [sent]}
    with MongoClient(mongo_link.uri, **how) as client:
        collection = client[direct.database.name].things
        for one in [eventlet.spawn(collection.find_one, {"_id": 0}) for _ in range(4)]:
            one.wait()  # so many connections are made now; none is through a frozen link
        sent.sent.clear()
        yield GroupRead(collection, {"hidden": 0})


@pytest.fixture
def begin(reads: GroupRead) -> Callable[..., list[Any]]:
    """Begin to read each of these keys in a green thread of its own."""

    def spawn(*keys: Any) -> list[Any]:
        begun = [eventlet.spawn(reads.read, key) for key in keys]
        eventlet.sleep(0)
        return begun

    return spawn


def thing(number: int) -> dict[str, int]:
    return {"_id": number, "square": number * number}


def test_a_single_read_goes_alone_and_at_once(reads: GroupRead, sent: Sent) -> None:
    assert [reads.read(7), reads.read(8), reads.read("none")] == [thing(7), thing(8), None]
    assert sent.keys == [7, 8, "none"]


def test_what_comes_meanwhile_goes_together_and_each_has_its_own(begin: Any, sent: Sent) -> None:
    found = [one.wait() for one in begin(1, 2, "none", 3, 2)]
    assert found == [thing(1), thing(2), None, thing(3), thing(2)]
    assert sent.keys == [1, {"$in": [2, "none", 3, 2]}]


def test_a_read_sees_what_was_written_before_it_even_while_an_older_one_is_under_way(
    begin: Any, mongo_link: Link, direct: Any
) -> None:
    mongo_link.freeze(takes_questions=True)
    (older,) = begin(5)
    eventually(lambda: mongo_link.held)  # its answer is on its way
    direct.update_one({"_id": 5}, {"$set": {"square": -1}})
    (younger,) = begin(5)
    mongo_link.thaw()
    assert older.wait() == thing(5)
    assert younger.wait() == {"_id": 5, "square": -1}


def test_a_query_that_takes_long_holds_up_no_other(begin: Any, mongo_link: Link, sent: Sent) -> None:
    mongo_link.freeze()
    begun = begin(1, 2, 3)
    assert sent.keys == [1]
    eventually(lambda: sent.keys == [1, {"$in": [2, 3]}])
    begun += begin(4, 5)  # wait for the second query now, and no longer than for the first
    eventually(lambda: sent.keys[2:] == [{"$in": [4, 5]}])
    mongo_link.thaw()
    assert [one.wait() for one in begun] == [thing(number) for number in range(1, 6)]


def test_a_query_is_never_for_more_than_it_may_be_and_a_full_one_goes_at_once(
    begin: Any, mongo_link: Link, sent: Sent
) -> None:
    mongo_link.freeze()
    begun = begin(*range(150))
    eventlet.sleep(0)
    assert sent.keys == [0, {"$in": [*range(1, 65)]}, {"$in": [*range(65, 129)]}]
    mongo_link.thaw()
    assert [one.wait() for one in begun] == [thing(number) for number in range(150)]
    assert sent.keys[3:] == [{"$in": [*range(129, 150)]}]


def test_who_gives_up_harms_nobody_else(begin: Any, mongo_link: Link, reads: GroupRead) -> None:
    mongo_link.freeze()
    alone, gathered, *others = begin(1, 2, 3, 4)
    alone.kill()  # while its query is under way
    gathered.kill()
    with eventlet.Timeout(0.01, False):
        reads.read(5)
    mongo_link.thaw()
    assert [one.wait() for one in others] == [thing(3), thing(4)]
    assert reads.read(6) == thing(6)


def test_a_failure_is_told_to_all_who_share_the_query_and_to_nobody_later(
    begin: Any, mongo_link: Link, reads: GroupRead
) -> None:
    mongo_link.cut()
    for one in begin(1, 2, 3, 4):
        with pytest.raises(Unavailable) as refusal:
            one.wait()
        assert refusal.value.code == "storage_unavailable"
    mongo_link.mend()
    eventually(lambda: _answers(reads))
    assert [one.wait() for one in begin(1, 2, 3)] == [thing(1), thing(2), thing(3)]


def _answers(reads: GroupRead) -> bool:
    try:
        return reads.read(1) == thing(1)
    except Unavailable:
        return False
