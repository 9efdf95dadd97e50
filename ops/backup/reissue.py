"""What the ledger and the delivery log say was under way is announced again after a restore.

An event that was with the broker is in no database, but what it asked for is: a message that is to be sent
is in the ledger, one that was sent is in the delivery log. The events go into the outboxes, from where the
services publish them when they start. The delivery log lets no mail be sent twice.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pymongo import MongoClient, UpdateOne

from common import clock, events
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
        yield UpdateOne({"_id": message["_id"]}, _announcing(entry(kind.source, kind.name, payload)))


def _request(message: Document) -> UpdateOne:
    return UpdateOne({"_id": message["_id"]}, _announcing(asking_for(message)))


def _announcing(event: Document) -> Document:
    """An event that has no writer who is about to publish it, so nobody need wait for that."""
    change = with_event(event)
    change["$set"]["outbox_at"] = clock.now()
    return change


def main() -> int:
    """``python -m ops.backup.reissue``: for databases that were brought back by means of their own."""
    from ops.backup.command import FAILURES, told
    from ops.backup.mongo import Mongo, translated
    from ops.run import load_config
    from ops.runner.console import Console

    try:
        with translated():
            mongo = Mongo(load_config()["MONGODB_URI"])
            asked, reported = reissue(mongo.client, *mongo.mail_databases)
    except FAILURES as problem:
        Console().error(told(problem))
        return 1
    print(f"{len(asked):,} messages are asked for again, {reported:,} are known to be sent or cancelled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
