"""The ledger of messages and the contacts, in MongoDB."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from nameko.containers import WorkerContext
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.collection import Collection

from common import clock, config, context, tracing
from common.errors import ValidationFailed
from common.health import Probe
from common.mail_kinds import DIGEST
from common.mongo import (
    HIDDEN,
    AlreadyThere,
    Document,
    MongoStorage,
    expire,
    insert_new,
    translated,
    unique,
)
from common.paging import Page, write_cursor
from common.scheduler import Scheduler
from services.messaging import domain
from services.messaging.backlog import Backlog
from services.messaging.dead_letters import DeadLetters
from services.messaging.domain import Contact, Mail
from services.messaging.forgetting import Forgotten
from services.messaging.holding import NO_LONGER_WAITS, Waiting
from services.messaging.pages import after
from services.messaging.windows import Windows


class MessagingStorage(MongoStorage):
    """Injects a :class:`Ledger`."""

    database = "messaging"
    outbox_in = "messages"
    scheduler = Scheduler()

    def prepare(self) -> None:
        """Indexes for the lists and for a user's removal."""
        with translated():
            self.db.messages.create_index([("created_at", DESCENDING), ("_id", DESCENDING)])
            self.db.messages.create_index([("status", ASCENDING), ("created_at", DESCENDING)])
            self.db.messages.create_index("user_id", sparse=True)
        after = clock.parse_duration(self.container.config["REMEMBER_FOR"])
        expire(self.db.messages, "updated_at", after, {"status": {"$in": list(domain.CLOSED)}})
        DeadLetters(self.db).prepare()
        Forgotten(self.db).prepare(after)
        Backlog(self.db).prepare()
        windows = Windows(self.db.windows, config.recipient_limit(self.container.config))
        self.waiting = Waiting(self, self.db.messages, windows)
        self.waiting.prepare()
        self.scheduler.attach(self.waiting)

    def stop(self) -> None:
        """Hand out nothing more, publish what is left, then close."""
        self.scheduler.finish()
        super().stop()

    def probes(self) -> tuple[Probe, ...]:
        """The server, the outbox, and whether messages are stuck."""
        return *super().probes(), Probe("messages", Backlog(self.db).report, critical=False)

    def get_dependency(self, worker_ctx: WorkerContext) -> "Ledger":
        """The ledger, with the request's id for the events that it stores."""
        return Ledger(self, worker_ctx.data.get(context.REQUEST_ID) or worker_ctx.call_id)


class Ledger:
    """Messages by id, contacts by user."""

    def __init__(self, storage: MessagingStorage, request_id: str) -> None:
        self._storage = storage
        self._request_id = request_id
        self._messages: Collection[Document] = storage.db.messages
        self._contacts: Collection[Document] = storage.db.contacts
        self.dead_letters = DeadLetters(storage.db)
        self._forgotten = Forgotten(storage.db)

    def add(self, mail: Mail, fingerprint: str | None = None) -> bool:
        """Enter a message, and with it its event unless it has to wait; False if it is there already."""
        document = self._new(mail, self._request_id, fingerprint)
        document |= self._storage.waiting.leave_or_wait(document)
        try:
            with unique():
                self._messages.insert_one(document)
            is_new = True
        except AlreadyThere:
            is_new = False
        # Also of one that was there: who wrote it may have died before looking.
        if self._forgotten.clear("messages", {"_id": mail.message_id}, mail.user_id) or not is_new:
            return False
        self._announce(document)
        return True

    def add_many(self, mails: list[tuple[Mail, str]]) -> int:
        """Enter messages, each with the id of its request; how many were not there yet."""
        waiting = self._storage.waiting
        documents = [self._new(mail, request_id, None) for mail, request_id in mails]
        free = [one for one in documents if not waiting.limits(one["template"])]
        entered = insert_new(self._messages, [one | waiting.leave_or_wait(one) for one in free])
        gone = self._forgotten.clear_messages(free)
        kept = [one for one in entered if one["user_id"] not in gone]
        for document in kept:
            self._announce(document)
        # Whether an address may get one depends on those before it.
        return len(kept) + sum(self.add(mail) for mail, _ in mails if waiting.limits(mail.template))

    def add_once(self, mail: Mail) -> str:
        """Enter an administrator's message; the same key again is fine with the same content only."""
        moment = [clock.to_text(mail.deliver_at)] if mail.deliver_at else []
        wanted = [mail.template, mail.recipient, mail.context, *moment]
        fingerprint = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        if self.add(mail, fingerprint):
            return domain.QUEUED
        known = self.get(mail.message_id)
        if known["fingerprint"] != fingerprint:
            raise ValidationFailed(
                "idempotency_key_reused", "This key was used for another message.",
                {"idempotency_key": ["Used before, with another content."]},
            )  # fmt: skip
        return domain.QUEUED  # the first answer again, whatever has become of it since

    def get(self, message_id: str) -> Document:
        """A message; NotFound if there is none like it."""
        with translated():
            # $eq, since an id that is no text but an object would be taken for a query.
            found = self._messages.find_one({"_id": {"$eq": message_id}}, HIDDEN)
        if found is None:
            raise domain.no_such_message()
        return found

    def page(self, query: dict[str, Any]) -> Page[Document]:
        """Messages that match, newest first, a page at a time."""
        wanted = {
            name: query[name] for name in ("status", "template", "recipient", "user_id") if query.get(name)
        }
        shown: Document = (
            {"$and": [wanted, after(query["cursor"], "created_at")]} if query["cursor"] else wanted
        )
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        with translated():
            found = list(self._messages.find(shown, HIDDEN).sort(order).limit(query["limit"] + 1))
            total = self._messages.count_documents(wanted) if query["count"] == "true" else None
        return Page.cut(found, query["limit"], total, lambda one: write_cursor(one["created_at"], one["_id"]))

    def record_sent(self, sent: list[Document]) -> None:
        """Note that these mails have gone out, once for each event."""
        changes = [
            UpdateOne(
                {"_id": event["message_id"], "attempts.event_id": {"$ne": event["event_id"]}},
                {
                    "$push": {"attempts": _attempt(event, "sent")},
                    "$set": {"status": domain.SENT, "updated_at": clock.now()},
                },
            )
            for event in sent
        ]
        with translated():
            self._messages.bulk_write(changes, ordered=False)
        # An event of an older version does not tell the template.
        if perhaps := [one["message_id"] for one in sent if one.get("template", DIGEST) == DIGEST]:
            self._settle_digests(perhaps)

    def _settle_digests(self, perhaps: list[str]) -> None:
        with translated():
            found = list(self._messages.find({"_id": {"$in": perhaps}, "template": DIGEST}, {"_id": 1}))
        for digest in found:
            self._settle_gathered(digest["_id"], domain.SENT)

    def record_failed(self, event: Document) -> None:
        """Note that an attempt has failed, once for each event, in any order; what is sent stays sent."""
        status = domain.DEAD if event["final"] else domain.RETRYING
        message: Document = {"_id": event["message_id"]}
        known_later = {"attempts": {"$elemMatch": {"at": {"$gt": event["occurred_at"]}}}}
        latest = {"status": {"$nin": [domain.SENT, domain.CANCELLED]}, "$nor": [known_later]}
        with translated():
            self._messages.update_one(
                {**message, "attempts.event_id": {"$ne": event["event_id"]}},
                {"$push": {"attempts": _attempt(event, "failed")}},
            )
            self._messages.update_one(
                {**message, **latest}, {"$set": {"status": status, "updated_at": clock.now()}}
            )
        if status != domain.RETRYING:
            self._settle_gathered(event["message_id"], status)

    def cancel_waiting(self, message_id: str) -> bool:
        """Cancel a message that has not been handed out; False if it is too late for that."""
        return self._storage.waiting.cancel(message_id)

    def cancelled(self, message_id: str) -> None:
        """Note that a message is not going to be sent, a digest's messages with it."""
        change = {"$set": {"status": domain.CANCELLED, "updated_at": clock.now()}}
        with translated():
            self._messages.update_one({"_id": message_id, "status": {"$ne": domain.SENT}}, change)
        self._settle_gathered(message_id, domain.CANCELLED)

    def revive(self, message_ids: list[str]) -> None:
        """Note that dead messages are on their way again, a digest's messages with it."""
        those = {"$in": message_ids}
        dead = {"$or": [{"_id": those}, {"gathered_into": those}], "status": domain.DEAD}
        with translated():
            self._messages.update_many(dead, {"$set": {"status": domain.QUEUED, "updated_at": clock.now()}})

    def contact(self, user_id: str) -> Contact | None:
        """Where a user's mails go, if it is known here."""
        with translated():
            found = self._contacts.find_one({"_id": user_id})
        if found is None or "email" not in found:
            return None
        return domain.contact_of({"user_id": user_id, **found})

    def contacts(self, user_ids: set[str]) -> dict[str, Contact]:
        """The same for several users; who is not known is left out."""
        with translated():
            found = list(self._contacts.find({"_id": {"$in": list(user_ids)}, "email": {"$exists": True}}))
        return {one["_id"]: domain.contact_of({"user_id": one["_id"], **one}) for one in found}

    def keep_contact(self, contact: Contact) -> None:
        """Remember a contact, unless a newer version of it is known: events may overtake each other.

        What an event of an older version of the suite does not tell stays as it is.
        """
        told = {name: value for name, value in asdict(contact).items() if value is not None}
        fields = {name: value for name, value in told.items() if name != "user_id"}
        older = {"_id": contact.user_id, "user_version": {"$lt": contact.user_version}}
        try:
            with unique():
                self._contacts.update_one(older, {"$set": fields}, upsert=True)
        except AlreadyThere:
            # As new or newer, or an older one that came in at the same moment.
            with translated():
                self._contacts.update_one(older, {"$set": fields})
        self._forgotten.clear("contacts", {"_id": contact.user_id}, contact.user_id)

    def keep_dead_letter(self, letter: Document) -> bool:
        """Take a dead letter in; False if it is there already, or of a user who is no more."""
        kept = self.dead_letters.keep(letter)
        return kept and not self._forgotten.clear(
            "dead_letters", {"_id": letter["_id"]}, letter.get("user_id")
        )

    def forget_user(self, user_id: str) -> None:
        """Remove all of a deleted user, for good: a late event brings nothing back."""
        self._forgotten.forget(user_id)

    def _new(self, mail: Mail, request_id: str, fingerprint: str | None) -> Document:
        now = clock.now()
        return {
            **(tracing.here() or mail.trace),
            "_id": mail.message_id, "status": domain.QUEUED, "template": mail.template,
            "recipient": mail.recipient, "context": mail.context, "user_id": mail.user_id,
            "locale": mail.locale, "deliver_at": mail.deliver_at, "request_id": request_id,
            "attempts": [], "fingerprint": fingerprint, "created_at": now, "updated_at": now,
        }  # fmt: skip

    def _announce(self, document: Document) -> None:
        if "outbox" in document:
            self._storage.announce(document["_id"], *document["outbox"])

    def _settle_gathered(self, message_id: str, status: str) -> None:
        """What becomes of a digest becomes of the messages in it."""
        with translated():
            digest = self._messages.find_one({"_id": message_id, "template": DIGEST}, {"gathered": 1})
            if digest is None:
                return
            mine = {"_id": {"$in": digest["gathered"]}, "gathered_into": message_id}
            change = {"$set": {"status": status, "updated_at": clock.now()}, "$unset": NO_LONGER_WAITS}
            self._messages.update_many({**mine, "status": {"$ne": domain.SENT}}, change)


def _attempt(event: Document, outcome: str) -> Document:
    told = ("event_id", "attempt", "reason", "detail")
    attempt = {name: event[name] for name in told if name in event}
    return attempt | {"at": event["occurred_at"], "outcome": outcome}
