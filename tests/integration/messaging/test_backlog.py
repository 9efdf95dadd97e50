"""What operators see: how much waits, for how long, and how fast it moves."""

import uuid
from datetime import timedelta
from typing import Any

import eventlet
import pytest
from pymongo import MongoClient

from common import clock, events, metrics, topology
from common.health import Unwell
from common.mongo import expire
from ops.engines import RabbitMQ
from services.messaging.backlog import Backlog
from services.messaging.service import MessagingService
from services.messaging.storage import Ledger
from tests.integration.conftest import Run
from tests.integration.messaging.conftest import Announcer
from tests.integration.running import Running, Somebody, Wire, eventually

DEAD_LETTER_QUEUE = topology.DEAD_LETTERS


@pytest.fixture(scope="module")
def messaging(config: dict[str, Any], rabbitmq: RabbitMQ, module_run: Run) -> Running:
    return module_run(MessagingService, {**config, "RABBITMQ_MANAGEMENT_URL": rabbitmq.management_url})


def gauge(name: str, *labels: str) -> float:
    found = getattr(metrics, name)
    return float((found.labels(*labels) if labels else found)._value.get())


def backlog_of(ledger: Ledger) -> Backlog:
    return Backlog(ledger._messages.database)


def insert(ledger: Ledger, status: str, seconds_ago: float, **fields: Any) -> str:
    at = clock.now() - timedelta(seconds=seconds_ago)
    message_id = str(uuid.uuid4())
    ledger._messages.insert_one(
        {"_id": message_id, "status": status, "created_at": at, "updated_at": at, **fields}
    )
    return message_id


@pytest.fixture(autouse=True)
def empty(ledger: Ledger) -> None:
    ledger._messages.delete_many({})


def test_the_queues_come_with_their_rates(admin: Any, announce: Announcer) -> None:
    queue = topology.event_queue(events.USER_DELETED, "messaging").name

    def rates() -> Any:
        announce(events.USER_DELETED, user_id=str(uuid.uuid4()))
        eventlet.sleep(0.2)
        shown = {one["name"]: one["rates"] for one in admin.queues()}
        return shown[queue] and shown[queue]["ack"] > 0 and shown[queue]

    assert set(eventually(rates, 30)) == {"publish", "deliver", "ack"}


def test_a_queue_tells_for_how_long_messages_have_waited_in_it(
    messaging: Running, announce: Announcer, wire: Wire
) -> None:
    queue = topology.event_queue(events.NOTIFICATION_REQUESTED, "notifications").name  # nobody takes it here
    fields = {"message_id": str(uuid.uuid4()), "template": "welcome", "recipient": "ada@example.com"}
    announce(events.NOTIFICATION_REQUESTED, **fields, context={})

    def waited() -> float:
        messaging.provider("broker").probes()[0].ask()
        return metrics.QUEUE_WAITING_SECONDS.labels(queue)._value.get()

    assert eventually(lambda: waited() > 0.05)
    wire.purge(queue)
    assert eventually(lambda: waited() == 0)


def test_without_the_management_plugin_the_rates_are_unknown_and_the_rest_is_there(
    config: dict[str, Any], run: Run, messaging: Running
) -> None:
    broker = messaging.provider("broker")
    other = type(broker._management)({**config, "RABBITMQ_MANAGEMENT_URL": "http://127.0.0.1:1"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "_management", other)
        found = broker.show()
    assert {queue["rates"] for queue in found} == {None}
    assert all(queue["consumers"] >= 0 for queue in found)


def test_queues_are_looked_at_over_one_connection_and_a_lost_one_is_no_matter(messaging: Running) -> None:
    broker = messaging.provider("broker")
    broker.show()
    first = broker._connection
    broker.show()
    assert broker._connection is first
    first.transport.close_connection(first.connection)
    assert broker.show()


def test_what_is_under_way_is_counted_and_what_waits_for_its_time_apart_from_that(ledger: Ledger) -> None:
    for status, seconds in (("queued", 10), ("queued", 20), ("retrying", 5), ("sent", 900), ("dead", 900)):
        insert(ledger, status, seconds)
    insert(ledger, "queued", 9000, due_at=clock.now() + timedelta(hours=1))
    insert(ledger, "queued", 9000, gathered_into="digest")
    insert(ledger, "queued", 9000, gathered_into="digest", due_at=clock.now())
    words = backlog_of(ledger).report()
    assert words.startswith("2 queued, 1 retrying, the oldest for 20 s; 1 waiting, ")
    shown = {status: gauge("MESSAGES", status) for status in ("queued", "retrying", "waiting")}
    assert shown == {"queued": 2, "retrying": 1, "waiting": 1}
    assert gauge("OLDEST_MESSAGE_SECONDS") == pytest.approx(20, abs=2)


def test_a_message_that_is_stuck_is_a_warning(ledger: Ledger, messaging: Running) -> None:
    insert(ledger, "retrying", 301)
    with pytest.raises(Unwell, match="the oldest for 301 s"):
        backlog_of(ledger).report()
    eventlet.sleep(1.1)
    part = messaging.inject("report")()["dependencies"]["messages"]
    assert part["status"] == "warn"
    assert "1 retrying" in part["detail"]


def test_the_process_shows_its_backlog_without_being_asked(
    ledger: Ledger, messaging: Running, wire: Wire
) -> None:
    insert(ledger, "queued", 1)
    metrics.MESSAGES.labels("queued").set(0)
    eventually(lambda: gauge("MESSAGES", "queued") == 1, 8)
    eventually(lambda: gauge("QUEUE_CONSUMERS", DEAD_LETTER_QUEUE) == 1, 8)


def test_what_is_done_is_forgotten_after_the_configured_time_even_if_that_has_changed(
    ledger: Ledger, mongo_uri: str
) -> None:
    indexes = ledger._messages.index_information()
    assert indexes["updated_at_expires"]["expireAfterSeconds"] == 90 * 24 * 3600
    which = {"status": {"$in": ["sent", "cancelled"]}}
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        collection = client[f"expiry_{uuid.uuid4().hex[:8]}"].things
        for seconds in (3600, 60):
            expire(collection, "updated_at", timedelta(seconds=seconds), which)
            assert collection.index_information()["updated_at_expires"]["expireAfterSeconds"] == seconds
        client.drop_database(collection.database.name)


def test_an_administrator_sees_an_outbox_that_is_behind(messaging: Running, config: dict[str, Any]) -> None:
    storage = messaging.provider("ledger")
    old = events.USER_DELETED.make("r", user_id="u") | {"occurred_at": "2026-01-01T00:00:00Z"}
    somebody = Somebody(config, role="admin")
    try:
        later = clock.now() + timedelta(minutes=1)
        storage.db.messages.insert_one(
            {"_id": "behind", "outbox": [{"source": "x", "name": "y", "payload": old}], "outbox_at": later}
        )
        eventlet.sleep(1.1)
        part = somebody.call.messaging.health()["dependencies"]["outbox"]
        assert part["status"] == "warn"
        assert part["detail"].startswith("1 wait to be published, the oldest for ")
        assert gauge("OUTBOX_PENDING") == 1
    finally:
        storage.db.messages.delete_one({"_id": "behind"})
        somebody.stop()
