"""Users who are no more: a mark for each, so that what comes late brings nothing of them back.

A mark is a hash of the id, which tells nobody who it was, and goes when nothing can come any more.
Whoever writes something of a user looks for the mark afterwards; whoever forgets one sets it first. So one of
the two removes it, whichever comes first.
"""

import hashlib
from datetime import timedelta
from typing import Any

from pymongo.database import Database

from common import clock
from common.mongo import Document, expire, translated

_ONCE_MARKED = 2**31 - 1
"""The version by which contacts of deleted users were marked before, under their ids."""


class Forgotten:
    """The marks, and what is removed with them."""

    def __init__(self, db: Database[Document]) -> None:
        self._db = db

    def prepare(self, after: timedelta) -> None:
        """Let the server drop old marks, and turn those of the version before into such."""
        expire(self._db.forgotten, "at", after, {"at": {"$exists": True}})
        with translated():
            for contact in list(self._db.contacts.find({"user_version": _ONCE_MARKED}, {"_id": 1})):
                self._mark(contact["_id"])
                self._db.contacts.delete_one(contact)

    def knows(self, user_id: str) -> bool:
        """Whether that user is no more."""
        with translated():
            return self._db.forgotten.find_one({"_id": _digest(user_id)}) is not None

    def forget(self, user_id: str) -> None:
        """Remove all that is the user's, or is addressed to them; again is fine."""
        with translated():
            self._mark(user_id)
            # The contact last: it knows the address, for who comes after a crash half-way.
            contact = self._db.contacts.find_one({"_id": user_id}) or {}
            whose: list[Document] = [{"user_id": user_id}]
            if "email" in contact:
                whose.append({"recipient": contact["email"]})
                self._db.windows.delete_one({"_id": contact["email"]})
            self._db.messages.delete_many({"$or": whose})
            self._db.dead_letters.delete_many({"$or": whose})
            self._db.contacts.delete_one({"_id": user_id})

    def clear(self, collection: str, query: dict[str, Any], user_id: str | None) -> bool:
        """Remove again what was written of a user who is no more; whether that was so."""
        if not user_id or not self.knows(user_id):
            return False
        with translated():
            self._db[collection].delete_many(query)
        return True

    def clear_messages(self, written: list[Document]) -> set[str]:
        """The same for many messages at once: whose users are no more."""
        marks = {_digest(user_id): user_id for one in written if (user_id := one["user_id"])}
        if not marks:
            return set()
        with translated():
            found = list(self._db.forgotten.find({"_id": {"$in": list(marks)}}, {"_id": 1}))
            gone = {marks[one["_id"]] for one in found}
            ids = [one["_id"] for one in written if one["user_id"] in gone]
            if ids:
                self._db.messages.delete_many({"_id": {"$in": ids}})
        return gone

    def _mark(self, user_id: str) -> None:
        mark = {"$setOnInsert": {"at": clock.now()}}
        self._db.forgotten.update_one({"_id": _digest(user_id)}, mark, upsert=True)


def _digest(user_id: str) -> str:
    return hashlib.sha256(f"forgotten:{user_id}".encode()).hexdigest()
