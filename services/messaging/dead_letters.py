"""Dead letters: what no attempt could deliver, kept with its reason until somebody decides about it.

They arrive in the queue ``dead-letters`` and are taken into the ledger's database, where they can be
listed, filtered, replayed and deleted. A replay sends the same message with the same id to the queue
that it failed in, so what was done before is not done again.
"""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from kombu.message import Message as Received
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from common import clock, strict_json
from common.broker import Message
from common.delivery import (
    ATTEMPTS,
    BOOKKEEPING,
    DETAIL,
    DIED_AT,
    FIRST_FAILED_AT,
    ORIGINAL_QUEUE,
    REASON,
    properties_of,
)
from common.errors import BadRequest, Conflict, NotFound
from common.mongo import Document, translated
from common.paging import Page, write_cursor
from services.messaging.pages import after

_NAMESPACE = uuid.UUID("0b7f3a52-93a0-4a53-8e0c-7d3a3f5b9b11")
_NEWEST_FIRST = [("died_at", DESCENDING), ("_id", DESCENDING)]
_LARGEST_BODY = 12 * 1024 * 1024  # MongoDB's limit for a document is 16 MiB
_LONGEST_SHOWN = 100_000
_LONGEST_NAME = 255  # of a queue, in bytes (AMQP 0-9-1, short string)
_TAKEN = timedelta(seconds=30)
"""How long a letter is one administrator's who replays or deletes it."""
_SUMMARY = {"body": 0, "headers": 0, "properties": 0}
FILTERS = ("template", "reason", "queue")


def read(message: Received) -> Document:
    """The dead letter in a message of the queue; its id is the same however often it is delivered."""
    headers, raw = message.headers, _bytes(message.body)
    death = [str(headers.get(name)) for name in (ORIGINAL_QUEUE, DIED_AT, ATTEMPTS)]
    told = hashlib.sha256("\n".join([*death, str(message.properties.get("message_id"))]).encode() + raw)
    return {
        "_id": str(uuid.uuid5(_NAMESPACE, told.hexdigest())),
        "queue": str(headers.get(ORIGINAL_QUEUE) or "unknown"),
        "reason": str(headers.get(REASON) or "unknown"),
        "detail": str(headers.get(DETAIL) or ""),
        "attempts": headers.get(ATTEMPTS) if isinstance(headers.get(ATTEMPTS), int) else 0,
        "first_failed_at": str(headers.get(FIRST_FAILED_AT) or ""),
        "died_at": _moment(headers.get(DIED_AT)),
        "headers": {key: value for key, value in headers.items() if _is_kept(key, value)},
        "properties": properties_of(message),
        "body": raw[:_LARGEST_BODY],
        "bytes": len(raw),
        **_about(raw),
    }


class DeadLetters:
    """The collection of dead letters."""

    def __init__(self, db: Database[Document]) -> None:
        self._letters: Collection[Document] = db.dead_letters

    def prepare(self) -> None:
        """Indexes for the list and its filters."""
        with translated():
            self._letters.create_index(_NEWEST_FIRST)
            for name in FILTERS:
                self._letters.create_index([(name, ASCENDING), *_NEWEST_FIRST])
            for name in ("user_id", "recipient"):
                self._letters.create_index(name, sparse=True)

    def keep(self, letter: Document) -> bool:
        """Take a letter in; False if it is there already."""
        with translated():
            kept = self._letters.update_one({"_id": letter["_id"]}, {"$setOnInsert": letter}, upsert=True)
        return kept.upserted_id is not None

    def get(self, letter_id: str) -> Document:
        """A letter; NotFound if there is none like it."""
        with translated():
            found = self._letters.find_one({"_id": str(letter_id)})
        if found is None:
            raise NotFound("dead_letter_not_found", "There is no such dead letter.")
        return found

    def page(self, query: dict[str, Any]) -> Page[Document]:
        """Letters that match, the latest first, a page at a time."""
        wanted = _wanted(query)
        shown: Document = {"$and": [wanted, after(query["cursor"], "died_at")]} if query["cursor"] else wanted
        with translated():
            found = list(self._letters.find(shown, _SUMMARY).sort(_NEWEST_FIRST).limit(query["limit"] + 1))
            total = self._letters.count_documents(wanted) if query["count"] == "true" else None
        return Page.cut(found, query["limit"], total, lambda one: write_cursor(one["died_at"], one["_id"]))

    def take(self, letter_id: str) -> Document:
        """A letter for whoever decides about it; NotFound if it is gone, Conflict if somebody else has it."""
        found = self._take([self.get(letter_id)["_id"]])
        if not found:
            self.get(letter_id)
            raise _busy()
        return found[0]

    def give_up(self, letter_id: str) -> None:
        """Let a letter go that nobody has; NotFound if it is gone, Conflict if somebody is replaying it."""
        with translated():
            gone = self._letters.delete_one({"_id": str(letter_id), **_free()}).deleted_count
        if not gone:
            self.get(letter_id)
            raise _busy()

    def take_oldest(self, query: dict[str, Any], limit: int) -> list[Document]:
        """Letters that match and that nobody else has, the one that has waited longest first.

        Those that could not be sent the last time come after all others, or nothing else would have its turn.
        """
        wanted = {**_wanted(query), **_free()}
        ids = self._oldest({**wanted, "refused_at": {"$exists": False}}, limit)
        if len(ids) < limit:
            ids += self._oldest({**wanted, "refused_at": {"$exists": True}}, limit - len(ids))
        return self._take(ids)

    def put_off(self, letters: list[Document]) -> None:
        """Note that these could not be sent."""
        with translated():
            self._letters.update_many(
                {"_id": {"$in": [letter["_id"] for letter in letters]}}, {"$set": {"refused_at": clock.now()}}
            )

    def give_back(self, letters: list[Document]) -> None:
        """Let others decide about them."""
        with translated():
            self._letters.update_many(
                {"_id": {"$in": [letter["_id"] for letter in letters]}}, {"$unset": {"taken_until": ""}}
            )

    def _oldest(self, wanted: Document, limit: int) -> list[str]:
        with translated():
            found = self._letters.find(wanted, {"_id": 1}).sort("died_at", ASCENDING).limit(limit)
            return [letter["_id"] for letter in found]

    def _take(self, ids: list[str]) -> list[Document]:
        token = str(uuid.uuid4())
        mine = {"taken_by": token, "taken_until": clock.now() + _TAKEN}
        with translated():
            self._letters.update_many({"_id": {"$in": ids}, **_free()}, {"$set": mine})
            return list(self._letters.find({"taken_by": token}).sort("died_at", ASCENDING))

    def count(self) -> int:
        """How many there are, about."""
        with translated():
            return self._letters.estimated_document_count()

    def delete(self, *letter_ids: str) -> None:
        """Let letters go for good."""
        with translated():
            self._letters.delete_many({"_id": {"$in": list(letter_ids)}})


def revived(letter: Document) -> Message:
    """The letter as it is sent again: same id, same body, its failures forgotten."""
    if letter["bytes"] > len(letter["body"]):
        raise BadRequest(
            "dead_letter_cut", "The message was too large to be kept whole: it can't be replayed."
        )
    if len(letter["queue"].encode()) > _LONGEST_NAME:
        raise unroutable(letter)
    return Message("", letter["queue"], letter["body"], letter["headers"], letter["properties"])


def _busy() -> Conflict:
    return Conflict("dead_letter_busy", "Somebody else is replaying or deleting this dead letter.")


def unroutable(letter: Document) -> Conflict:
    """What speaks against a replay for as long as the letter's queue is not there."""
    return Conflict(
        "dead_letter_unroutable",
        "The queue that this message failed in is not known or no longer there: it can't be replayed.",
        {"queue": letter["queue"]},
    )


def payload_of(letter: Document) -> Any:
    """The letter's body as JSON, or as text where it is none; of a very long one, its beginning."""
    body = letter["body"]
    if len(body) > _LONGEST_SHOWN:
        return body[:_LONGEST_SHOWN].decode("utf-8", "replace")
    try:
        return strict_json.loads(body)
    except BadRequest:
        return body.decode("utf-8", "replace")


def _free() -> Document:
    """A letter that nobody has, or whose taker has died with it."""
    return {"$or": [{"taken_until": {"$exists": False}}, {"taken_until": {"$lt": clock.now()}}]}


def _wanted(query: dict[str, Any]) -> Document:
    return {name: query[name] for name in FILTERS if query.get(name)}


def _about(raw: bytes) -> Document:
    """What an event says of itself: for filters, and of whom it is."""
    try:
        payload = strict_json.loads(raw) if len(raw) <= _LONGEST_SHOWN else None
    except BadRequest:
        return {}
    if not isinstance(payload, dict):
        return {}
    told = {
        name: payload.get(name) for name in ("template", "recipient", "message_id", "event_id", "user_id")
    }
    return {name: value for name, value in told.items() if isinstance(value, str)}


def _is_kept(key: str, value: Any) -> bool:
    return key not in BOOKKEEPING and isinstance(value, str | int | bool | float | list) and "\0" not in key


def _bytes(body: bytes | str | memoryview) -> bytes:
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)


def _moment(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return clock.now()
