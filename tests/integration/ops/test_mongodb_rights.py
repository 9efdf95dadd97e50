"""MongoDB users with the roles of ops/mongodb_rights.py: enough for their service, nothing of another's.

That the services do all their work with them, and backups theirs, is seen in test_backup.py.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from gateway.rate_limit_store import SharedCounters
from ops.mongodb_rights import ROLES
from ops.rights import BACKUP
from tests.integration.ops.guarded import ADMIN, Client, GuardedMongoDB

UNAUTHORIZED = 13
DATABASES = sorted({database for roles in ROLES.values() for _, database in roles})
READS: tuple[Callable[[Any], Any], ...] = (
    lambda database: database.kept.find_one(),
    lambda database: database.list_collection_names(),
)
CHANGES: tuple[Callable[[Any], Any], ...] = (
    lambda database: database.kept.insert_one({}),
    lambda database: database.kept.update_many({}, {"$set": {"stolen": True}}),
    lambda database: database.kept.delete_many({}),
    lambda database: database.kept.drop(),
    lambda database: database.kept.create_index("stolen"),
    lambda database: database.command("collMod", "kept", validator={}),
    lambda database: database.client.drop_database(database.name),
)


@pytest.fixture
def kept(guarded_mongodb: GuardedMongoDB) -> Iterator[GuardedMongoDB]:
    """Something of everybody's."""
    with Client(guarded_mongodb.uri_of(ADMIN)) as client:
        for name in DATABASES:
            client[name].kept.insert_one({"whose": name})
        yield guarded_mongodb
        for name in DATABASES:
            assert [one["whose"] for one in client[name].kept.find()] == [name]
            client[name].kept.drop()


def refused(attempts: tuple[Callable[[Any], Any], ...], database: Any) -> None:
    for attempt in attempts:
        with pytest.raises(OperationFailure) as told:
            attempt(database)
        assert told.value.code == UNAUTHORIZED


def test_nobody_reads_or_changes_another_s_database_and_backups_change_none(kept: GuardedMongoDB) -> None:
    for user, name in product(ROLES, (*DATABASES, "admin", "local", "elsewhere")):
        own = [role for role, database in ROLES[user] if database == name]
        with Client(kept.uri_of(user)) as client:
            if not own:
                refused((*READS, *CHANGES), client[name])
            elif user == BACKUP:
                refused(CHANGES, client[name])
            if own:
                assert client[name].kept.find_one({"whose": name})


def test_without_a_login_nothing_is_seen(guarded_mongodb: GuardedMongoDB) -> None:
    with Client(guarded_mongodb.uri) as client:
        refused((*READS, *CHANGES), client.todos)


def test_the_gateway_counts_calls_with_its_own_login(guarded_mongodb: GuardedMongoDB) -> None:
    counters = SharedCounters(guarded_mongodb.uri_of("gateway"))
    counters.connect()
    assert [usage and usage.count for usage in (counters.add("a", 60), counters.add("a", 60))] == [1, 2]
