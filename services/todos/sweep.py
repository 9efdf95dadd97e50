"""Everything a user has goes to the trash: in steps, since a transaction must stay small.

Each step is a transaction that moves some todos and counts them in the call's one event, which lies in
the first of them. Nobody is told to publish it before the last step. If the process dies earlier,
another one publishes it a little later, with the count so far: trash and event always agree.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from bson import ObjectId
from pymongo import DESCENDING, MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from common.mongo import HIDDEN, holding, with_event
from services.todos import domain
from services.todos.collection import in_transaction
from services.todos.documents import Document, from_document
from services.todos.domain import Change

_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]


class Place(NamedTuple):
    """Where the event lies."""

    holder: ObjectId
    event_id: str


class Sweep:
    """One call's way through a user's todos; ``places`` are the documents that hold an event."""

    step_size = 1000

    def __init__(
        self,
        todos: Collection[Document],
        entry: Callable[[list[Change], int], Document],
        user_id: str,
        now: datetime,
    ) -> None:
        self.todos = todos
        self.entry = entry
        self.now = now
        # What is made meanwhile stays: the call was about what there was.
        self.left = {"user_id": user_id, "deleted_at": None, "created_at": {"$lte": now}}
        self.places: list[Place] = []

    def run(self, client: MongoClient[Document]) -> int:
        """Go on until nothing is left; how many todos that were."""
        total = 0
        while count := self.step(client):
            total += count
        return total

    def step(self, client: MongoClient[Document]) -> int:
        """Move the next todos; how many."""
        count, place = in_transaction(client, self._move)
        if place and place not in self.places:
            self.places.append(place)
        return count

    def _move(self, session: ClientSession) -> tuple[int, Place | None]:
        found = self.todos.find(self.left, {"_id": 1}, sort=_NEWEST_FIRST, session=session)
        ids = [document["_id"] for document in found.limit(self.step_size)]
        if not ids:
            return 0, None
        place = self._counted(len(ids), session) or self._announced(ids, session)
        gone = {"$set": {"deleted_at": self.now, "updated_at": self.now}, "$inc": {"version": 1}}
        self.todos.update_many({"_id": {"$in": ids}}, gone, session=session)
        return len(ids), place

    def _counted(self, count: int, session: ClientSession) -> Place | None:
        """Let the event tell of more todos; None if there is none yet, or none any more."""
        if not self.places:
            return None
        place = self.places[-1]
        kept = {"_id": place.holder, "outbox.payload.event_id": place.event_id}
        more = {
            "$inc": {"outbox.$.payload.count": count},
            "$set": {"outbox_at": holding()["outbox_at"]},
        }
        return place if self.todos.update_one(kept, more, session=session).matched_count else None

    def _announced(self, ids: list[ObjectId], session: ClientSession) -> Place:
        shown = {"_id": {"$in": ids[: domain.MOST_TODOS_IN_EVENT]}}
        found = self.todos.find(shown, HIDDEN, sort=_NEWEST_FIRST, session=session)
        event = self.entry([domain.trash(from_document(one), self.now) for one in found], len(ids))
        self.todos.update_one({"_id": ids[0]}, with_event(event), session=session)
        return Place(ids[0], event["payload"]["event_id"])
