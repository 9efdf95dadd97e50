"""The collection as the service needs it, and how calls to the server are bounded in time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pymongo
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from common.errors import Unavailable
from common.logging import get_logger
from common.mongo import translated
from services.todos.documents import VALIDATOR, Document, indexes

log = get_logger()
Result = TypeVar("Result")
NAME = "todos"
READ_SECONDS = 4
WRITE_SECONDS = 4
_TRANSACTION_SECONDS = 8
_NAMESPACE_EXISTS = 48
_NO_TRANSACTIONS = 20


def prepare(database: Database[Document]) -> None:
    """Make the collection, its validator and its indexes; any number of instances may do so at once."""
    try:
        database.create_collection(NAME, check_exists=False, validator=VALIDATOR)
    except OperationFailure as problem:
        if problem.code != _NAMESPACE_EXISTS:
            raise
        # collMod locks the collection, if only for a moment: not at a start that changes nothing.
        if database[NAME].options().get("validator") != VALIDATOR:
            database.command("collMod", NAME, validator=VALIDATOR)
    database[NAME].create_indexes(indexes())
    if "setName" not in database.client.admin.command("hello"):
        log.warning("transactions_unavailable", hint="run MongoDB as a replica set, of one at least")


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Translate errors, and give up before the caller does."""
    with translated(), pymongo.timeout(seconds):
        yield


def in_transaction(client: MongoClient[Document], work: Callable[[ClientSession], Result]) -> Result:
    """Run ``work`` in a transaction, again if it collides with another, for a few seconds at most."""
    with bounded(_TRANSACTION_SECONDS), client.start_session() as session:
        try:
            return session.with_transaction(work, ReadConcern("snapshot"), WriteConcern("majority"))
        except OperationFailure as problem:
            if problem.code != _NO_TRANSACTIONS:
                raise
            raise Unavailable(
                "transactions_unavailable", "This needs MongoDB to run as a replica set."
            ) from problem
