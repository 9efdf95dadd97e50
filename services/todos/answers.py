"""First answers, to be given again: each lies beside the todos, written in the transaction of the change.

While that transaction is open, another one can't write the same key: the server refuses it at once. If the
process that opened it has died, the server ends it after a minute (``transactionLifetimeLimitSeconds``).
"""

import json
from collections.abc import Callable
from typing import TypeVar

from bson import ObjectId
from pymongo import IndexModel
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

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
            # Text, since an answer may hold a client's own field names, and BSON takes not all of them.
            text = strict_json.dumps(answer).encode("utf-8", "surrogatepass")
            self.kept.update_one({"_id": key.digest}, {"$set": {"answer": text}}, session=session)
            return holder, answer

        return run

    def forget(self, user_id: str) -> None:
        """Remove all answers that a user got."""
        self.kept.delete_many({"user_id": {"$eq": user_id}})

    def _find(self, key: Key, session: ClientSession) -> Document | None:
        # The server looks for what is over once a minute, so the time is compared here as well.
        alive = {"_id": key.digest, "expires_at": {"$gt": clock.now()}}
        return self.kept.find_one(alive, session=session)

    def _claim(self, user_id: str, key: Key, session: ClientSession) -> None:
        entry = {
            "user_id": user_id, "fingerprint": key.fingerprint, "expires_at": clock.now() + REMEMBERED,
        }  # fmt: skip
        try:
            self.kept.replace_one({"_id": key.digest}, entry, upsert=True, session=session)
        except OperationFailure as problem:
            if problem.code in _TAKEN:
                raise in_flight() from None
            raise
