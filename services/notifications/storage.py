"""The delivery log in MongoDB: a mail is claimed, then sent or failed, and sent once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import eventlet
from eventlet.greenthread import GreenThread
from eventlet.hubs import get_hub
from nameko.containers import WorkerContext
from pymongo.collection import Collection

from common import clock, context, events
from common.errors import Unavailable
from common.events import Event
from common.group_commit import GroupCommit, Insert, Update
from common.logging import get_logger
from common.mongo import AlreadyThere, Document, MongoStorage, entry, expire, translated, unique, with_event
from services.notifications import domain

log = get_logger()
Payload = dict[str, Any]


class DeliveryStorage(MongoStorage):
    """Injects a :class:`DeliveryLog`."""

    database = "notifications"
    outbox_in = "deliveries"

    def prepare(self) -> None:
        """Forget in time what is closed."""
        after = clock.parse_duration(self.container.config["REMEMBER_FOR"])
        expire(self.db.deliveries, "updated_at", after, {"status": {"$in": list(domain.CLOSED)}})
        self.deliveries = self.db.deliveries  # the driver makes a new object whenever it is asked for one
        self.group = GroupCommit(self.deliveries)

    def get_dependency(self, worker_ctx: WorkerContext) -> "DeliveryLog":
        """The log, with the request's id for the events that it stores."""
        return DeliveryLog(self, worker_ctx.data.get(context.REQUEST_ID) or worker_ctx.call_id)


class DeliveryLog:
    """One document a mail, its id the message's: not to whom it went, which the ledger of messaging knows."""

    def __init__(self, storage: DeliveryStorage, request_id: str) -> None:
        self._storage = storage
        self.under_way = storage.group.expecting
        """While a mail is being handled: those that are handled together share what is written."""
        self._write = storage.group.write
        self._made = ""
        self._request_id = request_id
        self._deliveries: Collection[Document] = storage.deliveries

    def claim(self, message_id: str, template: str) -> bool:
        """Take the mail for this attempt; False if it is sent or cancelled, Postponed if it is being sent."""
        now = clock.now()
        claim = {"status": domain.CLAIMED, "lease_until": now + timedelta(seconds=domain.LEASE_SECONDS)}
        first = {"template": template, "created_at": now}
        try:
            # As a rule nobody has seen the mail, and an insertion costs the server less than an upsert.
            self._write(Insert({"_id": message_id, **first, **claim}))
            self._made = message_id
        except AlreadyThere:
            return self._claim_again(message_id, {"$set": claim, "$setOnInsert": first}, now)
        return True

    def _claim_again(self, message_id: str, change: Document, now: datetime) -> bool:
        try:
            is_new = self._write(Update(_free(message_id, now), change, upsert=True))
        except AlreadyThere:
            if self._status(message_id) in domain.CLOSED:
                return False
            raise domain.somebody_else_is_at_it() from None
        self._made = message_id if is_new else ""
        return True

    def cancel(self, message_id: str) -> None:
        """Close the mail, ``notification_cancelled`` with it, before anybody sends it; else Conflict."""
        now, kind = clock.now(), events.NOTIFICATION_CANCELLED
        payload = kind.make(self._request_id, message_id=message_id)
        change = with_event(entry(kind.source, kind.name, payload))
        change["$set"] |= {"status": domain.CANCELLED, "updated_at": now}
        try:
            with unique():
                change["$setOnInsert"] = {"created_at": now}
                self._deliveries.update_one(_free(message_id, now), change, upsert=True)
        except AlreadyThere:
            status = self._status(message_id)
            if status == domain.CANCELLED:
                return
            raise domain.too_late(status) from None
        self._storage.announce(message_id)

    @contextmanager
    def held(self, message_id: str) -> Iterator[None]:
        """Renew the claim while the block runs: a slow server does not cost it, a dead process does."""
        # As a rule the mail is out before the first renewal: a timer costs less than a green thread.
        keepers: list[GreenThread] = []
        timer = get_hub().schedule_call_global(domain.RENEW_SECONDS, self._keep, message_id, keepers)
        try:
            yield
        finally:
            timer.cancel()
            for keeper in keepers:
                keeper.kill()

    def give_back(self, message_id: str) -> None:
        """End the claim without an attempt."""
        with translated():
            self._deliveries.update_one(
                {"_id": message_id, "status": domain.CLAIMED}, {"$set": {"lease_until": clock.now()}}
            )

    def sent(self, message_id: str, attempt: int, template: str) -> None:
        """Note that the server has taken the mail, ``notification_sent`` with it."""
        about = {"attempt": attempt, "template": template}
        self._close(message_id, domain.SENT, events.NOTIFICATION_SENT, **about)

    def failed(self, message_id: str, attempt: int, reason: str, detail: str, final: bool) -> None:
        """Note why it has not, ``notification_failed`` with it."""
        about = {"attempt": attempt, "reason": reason, "detail": detail, "final": final}
        self._close(message_id, domain.FAILED, events.NOTIFICATION_FAILED, **about)

    def _close(self, message_id: str, status: str, kind: Event, **fields: Any) -> None:
        payload = kind.make(self._request_id, message_id=message_id, **fields)
        event = entry(kind.source, kind.name, payload)
        change = with_event(event)
        change["$set"] |= {"status": status, "updated_at": clock.now()}
        self._write(Update({"_id": message_id}, change))
        # A document that this claim has made has no earlier event in it.
        self._storage.announce(message_id, *([event] if self._made == message_id else []))

    def _keep(self, message_id: str, keepers: list[GreenThread]) -> None:
        keepers.append(eventlet.spawn(self._renew, message_id))

    def _renew(self, message_id: str) -> None:
        while True:
            lease = {"lease_until": clock.now() + timedelta(seconds=domain.LEASE_SECONDS)}
            try:
                with translated():
                    self._deliveries.update_one(
                        {"_id": message_id, "status": domain.CLAIMED}, {"$set": lease}
                    )
            except Unavailable:
                log.debug("claim_not_renewed", message_id=message_id)
            eventlet.sleep(domain.RENEW_SECONDS)

    def _status(self, message_id: str) -> str:
        with translated():
            known = self._deliveries.find_one({"_id": message_id}, {"status": 1})
        return str(known["status"]) if known else ""


def _free(message_id: str, now: datetime) -> Document:
    """The mail, unless it is closed or somebody is at it."""
    free = [{"status": domain.FAILED}, {"status": domain.CLAIMED, "lease_until": {"$lt": now}}]
    return {"_id": message_id, "$or": free}
