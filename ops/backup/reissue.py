"""What the ledger and the delivery log say was under way is announced again after a restore.

An event that was with the broker is in no database, but what it asked for is: a message that is to be sent
is in the ledger, one that was sent is in the delivery log. The events go into the outboxes, from where the
services publish them when they start. The delivery log lets no mail be sent twice.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pymongo import MongoClient, UpdateOne

from common import events
from common.mongo import entry, with_event
from services.messaging import domain as messaging
from services.messaging.holding import asking_for
from services.notifications import domain as notifications

Document = dict[str, Any]
_BATCH = 500
_MISSING = {"$exists": False}
_ON_ITS_WAY: Document = {
    "status": {"$in": [messaging.QUEUED, messaging.RETRYING]},
    # What waits for its time is handed out by then, what is in a digest leaves with that, and what is in
    # the outbox is published from there.
    "due_at": _MISSING, "gathered_into": _MISSING, "outbox_at": _MISSING,
}  # fmt: skip


def reissue(client: MongoClient[Document], ledger: str, deliveries: str) -> tuple[set[str], int]:
    """The messages that are asked for again, and how many are told of as sent or cancelled again."""
    asked, told = set[str](), 0
    found = client[ledger].messages.find(_ON_ITS_WAY)
    while batch := list(islice(found, _BATCH)):
        closed = _closed(client, deliveries, batch)
        reports = list(_reports(batch, closed))
        if reports:
            client[deliveries].deliveries.bulk_write(reports, ordered=False)
        requests = [message for message in batch if message["_id"] not in closed]
        if requests:
            client[ledger].messages.bulk_write([_request(message) for message in requests], ordered=False)
        asked |= {message["_id"] for message in requests}
        told += len(reports)
    return asked, told


def _closed(client: MongoClient[Document], deliveries: str, batch: list[Document]) -> dict[str, Document]:
    query = {
        "_id": {"$in": [message["_id"] for message in batch]},
        "status": {"$in": list(notifications.CLOSED)},
    }
    return {delivery["_id"]: delivery for delivery in client[deliveries].deliveries.find(query)}


def _reports(batch: list[Document], closed: dict[str, Document]) -> Iterator[UpdateOne]:
    """What the delivery log had to tell of messages that it has closed, unless it is about to tell it."""
    for message in batch:
        delivery = closed.get(message["_id"])
        if delivery is None or "outbox_at" in delivery:
            continue
        if delivery["status"] == notifications.SENT:
            kind, more = events.NOTIFICATION_SENT, {"attempt": len(message["attempts"]) + 1}
        else:
            kind, more = events.NOTIFICATION_CANCELLED, {}
        payload = kind.make(message["request_id"], message_id=message["_id"], **more)
        change = with_event(entry(kind.source, kind.name, payload))
        yield UpdateOne({"_id": message["_id"]}, change)


def _request(message: Document) -> UpdateOne:
    return UpdateOne({"_id": message["_id"]}, with_event(asking_for(message)))
