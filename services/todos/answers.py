"""First answers, to be given again, under the keys of the calls that got them.

A call for one new todo first writes here what it is going to make, with the todo's id, and then makes it. If
its process dies in between, whoever repeats the call makes that todo: never another, and nobody waits.

A call for several keeps its answer in the transaction of its changes. While that is open, another one can't
write the same key: the server refuses it at once. If the process that opened it has died, the server ends it
after a while (``transactionLifetimeLimitSeconds``).
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from bson import ObjectId
from pymongo import IndexModel
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from common import clock, strict_json
from common.idempotency import REMEMBERED, Key, in_flight
from services.todos.documents import Document

NAME = "answers"
_TAKEN = (112, 11000)  # WriteConflict, DuplicateKey
Result = TypeVar("Result")
Work = Callable[[ClientSession], tuple[ObjectId | None, Result]]
"""What is done in a transaction: which document holds the event, and the answer."""


def prepare(database: Database[Document]) -> None:
    """Indexes for the server, which removes answers whose time is over, and for a user's removal."""
    database[NAME].create_indexes([IndexModel("expires_at", expireAfterSeconds=0), IndexModel("user_id")])


class Answers:
    """The first answers of all users' calls."""

    def __init__(self, kept: Collection[Document]) -> None:
        self.kept = kept

    def once(self, user_id: str, key: Key, work: Work[Result]) -> Work[Result]:
        """``work`` as it is to be run in a transaction: the first time it runs, then its answer is read.

        The transaction raises ValidationFailed for a key of another call, Conflict while the first runs.
        """

        def run(session: ClientSession) -> tuple[ObjectId | None, Result]:
            known = self._find(key, session)
            if known is not None:
                key.check(known["fingerprint"])
                return None, json.loads(known["answer"])
            self._claim(user_id, key, session)
            holder, answer = work(session)
            self.kept.update_one({"_id": key.digest}, {"$set": {"answer": _text(answer)}}, session=session)
            return holder, answer

        return run

    def first(self, user_id: str, key: Key, todo: Document, answer: Result) -> tuple[Document, Result]:
        """The new todo and the answer of the first call with this key: these, or those that are kept.

        ValidationFailed if the key was used for another call.
        """
        entry = _entry(user_id, key) | {"todo": todo, "answer": _text(answer)}
        over = {"_id": key.digest, "expires_at": {"$lte": clock.now()}}
        try:
            # Nothing there: inserted. Something whose time is over: replaced. Else: there can't be two.
            self.kept.replace_one(over, entry, upsert=True)
            return todo, answer
        except DuplicateKeyError:
            known = self.kept.find_one({"_id": key.digest})
        if known is None:
            raise in_flight()  # its time was over between the two calls
        key.check(known["fingerprint"])
        return known["todo"], json.loads(known["answer"])

    def forget(self, user_id: str) -> None:
        """Remove all answers that a user got."""
        self.kept.delete_many({"user_id": {"$eq": user_id}})

    def _find(self, key: Key, session: ClientSession) -> Document | None:
        # The server looks for what is over once a minute, so the time is compared here as well.
        alive = {"_id": key.digest, "expires_at": {"$gt": clock.now()}}
        return self.kept.find_one(alive, session=session)

    def _claim(self, user_id: str, key: Key, session: ClientSession) -> None:
        try:
            mine = {"_id": key.digest}
            self.kept.replace_one(mine, _entry(user_id, key), upsert=True, session=session)
        except OperationFailure as problem:
            if problem.code in _TAKEN:
                raise in_flight() from None
            raise


def _entry(user_id: str, key: Key) -> Document:
    return {"user_id": user_id, "fingerprint": key.fingerprint, "expires_at": clock.now() + REMEMBERED}


def _text(answer: Any) -> bytes:
    # An answer may hold a client's own field names, and BSON takes not all of them.
    return strict_json.dumps(answer).encode("utf-8", "surrogatepass")
