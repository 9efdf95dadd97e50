"""One attempt's claim on a mail: taken before it is sent, ended by what became of it.

``docs/architecture.md``, "Once", has the table of what the status of a mail may become, and who says so:
``failed`` is what one attempt has to say, so it takes the claim. ``sent`` is a fact: noted in spite of a lost
claim, it keeps all others from sending the mail once more. ``sent`` and ``cancelled`` are final.
"""

from time import monotonic
from typing import Any, Protocol

import eventlet
from pymongo.collection import Collection

from common import clock, events
from common.errors import Unavailable
from common.events import Event
from common.group_commit import GroupCommit, Insert, Late, Update
from common.logging import get_logger
from common.mongo import AlreadyThere, Document, entry, translated, with_event
from services.notifications import domain
from services.notifications.leases import Lease

log = get_logger()


class Store(Protocol):
    """Where the mails' documents lie."""

    deliveries: Collection[Document]
    group: GroupCommit

    def announce(self, identifier: Any, *entries: Document) -> None:
        """Say that there is an event in a document; ``entries``: and no other can be."""


class Claim:
    """While its ``lease`` holds nobody else sends the mail."""

    def __init__(self, store: Store, request_id: str, message_id: str, template: str) -> None:
        self._store, self._request_id = store, request_id
        self._message_id, self._template = message_id, template
        self.lease = Lease(store.deliveries, message_id)
        self._has_made = False

    def take(self) -> bool:
        """Write it; False if the mail is sent or cancelled, Postponed if it is being sent."""
        try:
            # As a rule nobody has seen the mail, and an insertion costs the server less than an upsert.
            self._store.group.write(Late(self._insertion))
            self._has_made = True
        except AlreadyThere:
            if not self._take_over():
                return False
        if self.lease.is_old:
            self.lease.renew()  # it has waited for its write so long that it may be another's
        return True

    def sent(self, attempt: int) -> None:
        """Note that the server has taken the mail, ``notification_sent`` with it.

        This is repeated while the data store is away, since for want of it the mail would be sent again.
        """
        about = {"attempt": attempt, "template": self._template}
        event, end = self._event(events.NOTIFICATION_SENT, about), monotonic() + domain.NOTE_SECONDS
        while True:
            try:
                if not self._note(_open(self._message_id), domain.SENT, event):
                    self._find_closed()
                return
            except Unavailable:
                if monotonic() >= end:
                    raise
            eventlet.sleep(domain.NOTE_AGAIN_SECONDS)

    def failed(self, attempt: int, reason: str, detail: str, final: bool) -> None:
        """Note why it has not, ``notification_failed`` with it.

        Postponed if the claim is lost: what becomes of the mail is for another to say, or said already.
        """
        about = {"attempt": attempt, "reason": reason, "detail": detail, "final": final}
        if not self._note(self.lease.mine(), domain.FAILED, self._event(events.NOTIFICATION_FAILED, about)):
            log.warning("failed_without_claim", message_id=self._message_id, reason=reason)
            raise domain.somebody_else_is_at_it()

    def _insertion(self) -> Insert:
        return Insert({"_id": self._message_id, **self._first(), **self.lease.begin()})

    def _take_over(self) -> bool:
        try:
            self._has_made = self._store.group.write(Late(self._upsert))
        except AlreadyThere:
            if status_of(self._store.deliveries, self._message_id) in domain.CLOSED:
                return False
            raise domain.somebody_else_is_at_it() from None
        return True

    def _upsert(self) -> Update:
        change = {"$set": self.lease.begin(), "$setOnInsert": self._first()}
        return Update(free(self._message_id), change, upsert=True)

    def _first(self) -> Document:
        return {"template": self._template, "created_at": clock.now()}

    def _event(self, kind: Event, about: Document) -> Document:
        payload = kind.make(self._request_id, message_id=self._message_id, **about)
        return entry(kind.source, kind.name, payload)

    def _note(self, those: Document, status: str, event: Document) -> bool:
        """Whether it is noted. An upsert, because one that does not find its document then says so."""
        change = with_event(event)
        change["$set"] |= {"status": status, "updated_at": clock.now()}
        try:
            self._store.group.write(Update(those, change, upsert=True))
        except AlreadyThere:
            return False
        # A document that this claim has made has no earlier event in it.
        self._store.announce(self._message_id, *([event] if self._has_made else []))
        return True

    def _find_closed(self) -> None:
        """By a note of this claim's whose answer was lost, or by others after the claim was."""
        status = status_of(self._store.deliveries, self._message_id)
        log.warning("sent_mail_was_closed", message_id=self._message_id, status=status)
        self._store.announce(self._message_id)


def free(message_id: str) -> Document:
    """The mail, unless it is closed or somebody is at it."""
    lapsed = {"status": domain.CLAIMED, "lease_until": {"$lt": clock.now()}}
    return {"_id": message_id, "$or": [{"status": domain.FAILED}, lapsed]}


def _open(message_id: str) -> Document:
    return {"_id": message_id, "status": {"$in": [domain.CLAIMED, domain.FAILED]}}


def status_of(deliveries: Collection[Document], message_id: str) -> str:
    """What the log says of a mail; nothing of one that it does not know."""
    with translated():
        known = deliveries.find_one({"_id": message_id}, {"status": 1})
    return str(known["status"]) if known else ""
