"""What waits in the ledger, and how it leaves it: for its time (``deliver_at``), or for the limit.

A message waits as long as it has ``due_at``. It is handed out by one write that removes ``due_at`` and
stores the event with it, and that succeeds for one of all that try: instances, or a cancellation.

What an address may not get yet is held (``held_until``). When the address may get a mail again, all that
is held for it is gathered into a digest, whose steps may end anywhere:

1. The digest is entered, without content, ``due_at`` a few seconds ahead: its maker's lease.
   *Died before:* all is held as it was.
2. The held messages are marked ``gathered_into`` it. *Died here:* the digest becomes due, and whoever
   finds it renews the lease and goes on; one that gathers nothing is dropped.
3. The digest gets its content and the list of what it has gathered, and is handed out, if the lease still
   holds. *Died before:* as in 2. *Died after:* its event lies in it, for any instance to publish.
4. The gathered messages cease to wait. *Died before:* they become due themselves, and are settled if the
   digest's list has them; what was marked too late for the list is held again.

When the digest is sent (or dead), so is what it has gathered. A digest has mails of users in it, who may be
deleted meanwhile: whoever makes one looks for their marks (:mod:`services.messaging.forgetting`) before and
after it gets its content, and what is left of a digest that must not be is held again.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.collection import Collection

from common import clock, events
from common.errors import SuiteError
from common.logging import get_logger
from common.mail_kinds import DIGEST, URGENT
from common.mongo import Document, MongoStorage, entry, holding, translated, with_event
from services.messaging import domain
from services.messaging.digests import digest_of
from services.messaging.forgetting import Forgotten
from services.messaging.windows import Windows

log = get_logger()
LEASE_SECONDS = 10
MOST_GATHERED = 500
_BATCH = 100
_NEVER = datetime.max.replace(tzinfo=UTC)
_EXISTS, _MISSING = {"$exists": True}, {"$exists": False}
NO_LONGER_WAITS = {"due_at": "", "held_until": ""}


def asking_for(message: Document) -> Document:
    """The entry of the event that asks for a message of the ledger to be sent."""
    kind = events.NOTIFICATION_REQUESTED
    about = {name: message[name] for name in ("template", "recipient", "context")}
    reader = {name: message.get(name) for name in kind.optional}
    payload = kind.make(message["request_id"], message_id=message["_id"], **about, **reader)
    return entry(kind.source, kind.name, events.belonging_to(payload, message))


class Waiting:
    """The messages of the ledger that are not handed out yet."""

    def __init__(self, storage: MongoStorage, messages: Collection[Document], windows: Windows) -> None:
        self._storage = storage
        self._messages = messages
        self._windows = windows
        self._forgotten = Forgotten(messages.database)

    def prepare(self) -> None:
        """Indexes that hold no more than what waits."""
        with translated():
            self._messages.create_index("due_at", sparse=True)
            self._messages.create_index("gathered_into", sparse=True)
            self._messages.create_index(
                [("recipient", ASCENDING), ("held_until", ASCENDING)],
                partialFilterExpression={"held_until": _EXISTS},
            )
        self._windows.prepare()

    def limits(self, template: str) -> bool:
        """Whether an address may get only so many mails of this kind."""
        return self._windows.limits(template)

    def leave_or_wait(self, message: Document) -> Document:
        """More fields for a new message: its event if it may leave at once, else until when it waits."""
        deliver_at = message["deliver_at"]
        if deliver_at and deliver_at > clock.now():
            return {"due_at": deliver_at}
        until = self._must_wait(message)
        return {"due_at": until, "held_until": until} if until else holding(asking_for(message))

    def cancel(self, message_id: str) -> bool:
        """Cancel a message that waits; False if it does not, or is being gathered into a digest."""
        change = {"$set": {"status": domain.CANCELLED, "updated_at": clock.now()}, "$unset": NO_LONGER_WAITS}
        with translated():
            done = self._messages.update_one(
                {"_id": message_id, "due_at": _EXISTS, "gathered_into": _MISSING}, change
            )
        return bool(done.modified_count)

    def next_due(self) -> datetime:
        """When the next message is due; far away where none waits."""
        with translated():
            found = self._messages.find_one({"due_at": _EXISTS}, {"due_at": 1}, sort=[("due_at", ASCENDING)])
        return found["due_at"] if found else _NEVER

    def hand_out_due(self) -> bool:
        """Hand out a batch of what is due; whether there may be more."""
        with translated():
            due = list(self._messages.find({"due_at": {"$lte": clock.now()}}).sort("due_at").limit(_BATCH))
        seen, moved = set[str](), False
        for message in due:
            try:
                moved |= self._take_on(message, seen)
            except SuiteError:
                raise
            except Exception as problem:  # one that can't be handed out must not keep the others
                log.error("message_kept", message_id=message["_id"], exc_info=problem)
                self._put_off(message)
        return moved and len(due) == _BATCH

    def _take_on(self, message: Document, seen: set[str]) -> bool:
        """Do what is due for a message; False if somebody else is about to."""
        if message["template"] == DIGEST:
            self._resume(message)
        elif "gathered_into" in message:
            self._settle(message)
        elif not self._windows.limits(message["template"]):
            self._hand_out(message)
        elif message["recipient"] not in seen:
            seen.add(message["recipient"])
            return self._release_alone(message["recipient"])
        return True

    def _must_wait(self, message: Document) -> datetime | None:
        if not self._windows.limits(message["template"]):
            return None
        held = {"recipient": message["recipient"], "held_until": _EXISTS, "gathered_into": _MISSING}
        with translated():
            earlier = self._messages.find_one(held, {"held_until": 1})
        # Behind what is held already: a free place is for the digest.
        return earlier["held_until"] if earlier else self._windows.take(message["recipient"], message["_id"])

    def _hand_out(self, message: Document, parts: Sequence[Document] = (), **content: Any) -> bool:
        change = with_event(asking_for({**message, **content}))
        change["$set"] |= {**content, "updated_at": clock.now()}
        change["$unset"] = NO_LONGER_WAITS
        seen = {"_id": message["_id"], "due_at": message["due_at"], "gathered_into": _MISSING}
        with translated():
            done = self._messages.update_one(seen, change)
        if not done.modified_count or self._is_of_the_gone(message, parts):
            return False
        self._storage.announce(message["_id"])
        return True

    def _is_of_the_gone(self, message: Document, parts: Sequence[Document]) -> bool:
        """Whether somebody who is no more has a part in it; then it is removed."""
        gone = self._forgotten.clear_messages([message, *parts])
        if gone:
            with translated():
                self._messages.delete_one({"_id": message["_id"]})
        return bool(gone)

    def _release_alone(self, recipient: str) -> bool:
        # Two who gather side by side would make two digests of one.
        until = self._windows.lease(recipient, LEASE_SECONDS)
        if until is None:
            return False
        self._release(recipient)
        self._windows.end_lease(recipient, until)
        return True

    def _release(self, recipient: str) -> None:
        """Hand out what is due for an address: the one mail as it is, several as a digest."""
        due = {"$or": [{"held_until": _EXISTS}, {"due_at": {"$lte": clock.now()}}]}
        limited = {"template": {"$nin": [*URGENT, DIGEST]}}
        query = {"recipient": recipient, "due_at": _EXISTS, "gathered_into": _MISSING, **limited, **due}
        with translated():
            found = list(self._messages.find(query).sort("created_at").limit(MOST_GATHERED))
        key = found[0]["_id"] if len(found) == 1 else str(uuid.uuid4())
        until = self._windows.take(recipient, key) if found else None
        if until:
            self._change(found, {"due_at": until, "held_until": until})
        elif len(found) == 1:
            self._hand_out(found[0])
        elif found:
            self._gather(key, found)

    def _gather(self, key: str, found: list[Document]) -> None:
        now = clock.now()
        lease = now + timedelta(seconds=LEASE_SECONDS)
        # The latest of a user tells best which language they read now.
        reader = next((message for message in reversed(found) if message["user_id"]), found[-1])
        digest = {
            "_id": key, "status": domain.QUEUED, "template": DIGEST, "recipient": found[0]["recipient"],
            "context": {}, "user_id": reader["user_id"], "locale": reader.get("locale"), "attempts": [],
            "gathered": [], "due_at": lease, "deliver_at": None, "fingerprint": None, "request_id": key,
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        with translated():
            self._messages.insert_one(digest)
        self._change(found, {"gathered_into": key, "due_at": lease})
        self._complete(digest)

    def _complete(self, digest: Document) -> None:
        key = digest["_id"]
        with translated():
            marked = list(self._messages.find({"gathered_into": key, "due_at": _EXISTS}).sort("created_at"))
        if gone := self._forgotten.clear_messages([digest, *marked]):
            marked = [message for message in marked if message["user_id"] not in gone]
        if digest["user_id"] in gone:
            self._windows.drop(digest["recipient"])
            return
        if not marked:
            with translated():
                self._messages.delete_one({"_id": key, "due_at": digest["due_at"]})
            self._windows.give_back(digest["recipient"], key)
            return
        ids = [message["_id"] for message in marked]
        if self._hand_out(digest, marked, context=digest_of(marked), gathered=ids):
            log.info("messages_gathered", message_id=key, gathered=len(ids))
            with translated():
                self._messages.update_many(
                    {"_id": {"$in": ids}, "gathered_into": key}, {"$unset": NO_LONGER_WAITS}
                )

    def _resume(self, digest: Document) -> None:
        """Go on where the maker of a digest has died."""
        lease = clock.now() + timedelta(seconds=LEASE_SECONDS)
        with translated():
            done = self._messages.update_one(
                {"_id": digest["_id"], "due_at": digest["due_at"]}, {"$set": {"due_at": lease}}
            )
        if done.modified_count:
            self._complete({**digest, "due_at": lease})

    def _settle(self, message: Document) -> None:
        """Decide about a message whose digest was left half-way: see step 4."""
        with translated():
            digest = self._messages.find_one({"_id": message["gathered_into"]})
        if digest and "due_at" in digest:
            change: Document = {"$set": {"due_at": digest["due_at"]}}
        elif digest and message["_id"] in digest["gathered"]:
            change = {"$unset": NO_LONGER_WAITS, "$set": {"status": digest["status"]}}
        else:
            change = {"$unset": {"gathered_into": ""}, "$set": {"held_until": clock.now()}}
        seen = {"_id": message["_id"], "due_at": message["due_at"]}
        with translated():
            self._messages.update_one({**seen, "gathered_into": message["gathered_into"]}, change)

    def _change(self, messages: list[Document], fields: Document) -> None:
        free = {"due_at": _EXISTS, "gathered_into": _MISSING}
        with translated():
            self._messages.update_many(
                {"_id": {"$in": [message["_id"] for message in messages]}, **free}, {"$set": fields}
            )

    def _put_off(self, message: Document) -> None:
        later = clock.now() + timedelta(minutes=1)
        with translated():
            self._messages.update_one(
                {"_id": message["_id"], "due_at": message["due_at"]}, {"$set": {"due_at": later}}
            )
