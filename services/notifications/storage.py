"""The delivery log in MongoDB: a mail is claimed, then sent or failed, and sent once."""

from nameko.containers import WorkerContext

from common import clock, context, events
from common.group_commit import GroupCommit
from common.mongo import AlreadyThere, MongoStorage, entry, expire, unique, with_event
from services.notifications import domain
from services.notifications.claims import Claim, Store, free, status_of


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

    def __init__(self, storage: Store, request_id: str) -> None:
        self._storage = storage
        self.under_way = storage.group.expecting
        """While a mail is being handled: those that are handled together share what is written."""
        self._request_id = request_id

    def claim(self, message_id: str, template: str) -> Claim | None:
        """Take the mail for this attempt; None if it is sent or cancelled, Postponed if it is being sent."""
        claim = Claim(self._storage, self._request_id, message_id, template)
        return claim if claim.take() else None

    def cancel(self, message_id: str) -> None:
        """Close the mail, ``notification_cancelled`` with it, before anybody sends it; else Conflict."""
        kind = events.NOTIFICATION_CANCELLED
        payload = kind.make(self._request_id, message_id=message_id)
        change = with_event(entry(kind.source, kind.name, payload))
        change["$set"] |= {"status": domain.CANCELLED, "updated_at": clock.now()}
        change["$setOnInsert"] = {"created_at": clock.now()}
        try:
            with unique():
                self._storage.deliveries.update_one(free(message_id), change, upsert=True)
        except AlreadyThere:
            status = self.status(message_id)
            if status == domain.CANCELLED:
                return
            raise domain.too_late(status) from None
        self._storage.announce(message_id)

    def status(self, message_id: str) -> str:
        """What the log says of a mail."""
        return status_of(self._storage.deliveries, message_id)
