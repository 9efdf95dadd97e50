"""How many mails an address may get: a place for each in a moving window, in MongoDB.

A document for each address that got mails lately holds the times of as many as the limit allows, and
until when somebody has a lease on what is held for it.
"""

from datetime import datetime, timedelta

from limits import RateLimitItem
from pymongo import ReturnDocument
from pymongo.collection import Collection

from common import clock
from common.mail_kinds import URGENT
from common.mongo import AlreadyThere, Document, translated, unique


class Windows:
    """The places of all addresses; without a limit every mail may go."""

    def __init__(self, collection: Collection[Document], limit: RateLimitItem | None) -> None:
        self._windows = collection
        self._limit = limit

    def prepare(self) -> None:
        """Let the server drop the windows of addresses that get no mails any more."""
        with translated():
            self._windows.create_index("expires_at", expireAfterSeconds=0)

    def limits(self, template: str) -> bool:
        """Whether there is a limit for this kind of mail."""
        return self._limit is not None and template not in URGENT

    def take(self, recipient: str, key: str) -> datetime | None:
        """Take a place for the mail `key`: None if it has one now, else when there will be one.

        The same key has the same place, however often it is taken.
        """
        if self._limit is None:
            return None
        now, period = clock.now(), timedelta(seconds=self._limit.get_expiry())
        steps: list[Document] = [
            {"$set": {"places": _recent(now - period)}},
            {"$set": {"places": _with(key, now, self._limit.amount), "expires_at": now + period}},
        ]
        with translated():
            window: Document = self._windows.find_one_and_update(
                {"_id": recipient}, steps, upsert=True, return_document=ReturnDocument.AFTER
            ) or {"places": []}
        places = sorted(window["places"], key=lambda place: place["at"])
        if any(place["key"] == key for place in places):
            return None
        free: datetime = places[-self._limit.amount]["at"] + period
        return free

    def lease(self, recipient: str, seconds: float) -> datetime | None:
        """Be the one who gathers for an address, and until when; None if somebody else is."""
        now = clock.now()
        until = now + timedelta(seconds=seconds)
        free: list[Document] = [{"leased_until": {"$exists": False}}, {"leased_until": {"$lte": now}}]
        first = {"places": [], "expires_at": until}
        try:
            with unique():
                change = {"$set": {"leased_until": until}, "$setOnInsert": first}
                self._windows.update_one({"_id": recipient, "$or": free}, change, upsert=True)
        except AlreadyThere:
            return None
        return until

    def end_lease(self, recipient: str, until: datetime) -> None:
        """Let somebody else gather, if the lease is still the one that ends then."""
        with translated():
            mine = {"_id": recipient, "leased_until": until}
            self._windows.update_one(mine, {"$unset": {"leased_until": ""}})

    def give_back(self, recipient: str, key: str) -> None:
        """Free the place of a mail that does not go after all."""
        with translated():
            self._windows.update_one({"_id": recipient}, {"$pull": {"places": {"key": key}}})

    def drop(self, recipient: str) -> None:
        """Forget what an address has got, whose user is no more."""
        with translated():
            self._windows.delete_one({"_id": recipient})


def _recent(begin: datetime) -> Document:
    known = {"$ifNull": ["$places", []]}
    return {"$filter": {"input": known, "as": "place", "cond": {"$gt": ["$$place.at", begin]}}}


def _with(key: str, now: datetime, amount: int) -> Document:
    is_in = {"$in": [{"$literal": key}, "$places.key"]}
    is_full = {"$gte": [{"$size": "$places"}, amount]}
    more = {"$concatArrays": ["$places", [{"key": {"$literal": key}, "at": now}]]}
    return {"$cond": [{"$or": [is_in, is_full]}, "$places", more]}
