"""The way of an event: from the outbox through the broker into the ledger, and out again as a mail's event.

Many events are stored at once, as after an outage, while nobody takes them out at the far end: the
notification service is down, so mail servers do not count. What comes out is what waits in its queue.
"""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import amqp
import psycopg2
from psycopg2.extras import execute_values
from pymongo import MongoClient

from bench import cpu, people
from bench.setting import Setting
from common import events
from common.topology import event_queue

EVENTS = 4000
AT_MOST_SECONDS = 90.0
MAIL_SECONDS = 5.0
LOOK_SECONDS = 0.02
OUT = event_queue(events.NOTIFICATION_REQUESTED, "notifications").name


def measure(setting: Setting) -> dict[str, Any]:
    """Events per second from first to last, and mails per second when the far end is taken out again."""
    user_ids = _many(setting)
    cpu.wait_quiet(setting.pids)
    setting.suite.stop_one("notifications")
    try:
        rate = _through(setting, user_ids)
    finally:
        setting.suite.start_one("notifications")
    mails = _mails_per_second(setting)
    with _broker(setting) as broker:
        broker.channel().queue_purge(OUT)
    cpu.wait_quiet(setting.pids)
    return {"events_per_second": rate, "mails_per_second": mails}


def _many(setting: Setting) -> list[str]:
    """Users as the ledger knows them, all with the address of a real one."""
    email = people.register(setting.suite.url)
    with _ledger(setting) as client:
        contacts = client.messaging.contacts
        known = _until(lambda: contacts.find_one({"email": email}), "the contact")
        user_ids = [str(uuid.uuid4()) for _ in range(EVENTS)]
        contacts.insert_many([{**known, "_id": user_id} for user_id in user_ids])
    return user_ids


def _through(setting: Setting, user_ids: list[str]) -> float:
    with ExitStack() as stack:
        connection = stack.enter_context(closing(psycopg2.connect(setting.engines.postgresql.uri)))
        connection.autocommit = True
        cursor, ledger = connection.cursor(), stack.enter_context(_ledger(setting)).messaging.messages
        channel = stack.enter_context(_broker(setting)).channel()
        before = ledger.count_documents({})
        _store(cursor, user_ids)
        _until(lambda: _pending(cursor) < EVENTS, "the relay")
        began = time.perf_counter()
        _until(lambda: channel.queue_declare(OUT, passive=True).message_count >= EVENTS, "the far end")
        seconds = time.perf_counter() - began
        entered = ledger.count_documents({}) - before
        if entered != EVENTS or _pending(cursor):
            raise RuntimeError(f"{entered} of {EVENTS} events are in the ledger")
    return EVENTS / seconds


def _store(cursor: Any, user_ids: list[str]) -> None:
    """One event a user, in one statement, so that the relay finds all of them or none."""
    kind = events.USER_LOGGED_IN
    about = {"session_id": "none", "ip": "127.0.0.1", "user_agent": "bench", "new_device": False}
    payloads = [kind.make("bench", **about, user_id=user_id) for user_id in user_ids]
    rows = [(one["user_id"], kind.source, kind.name, json.dumps(one)) for one in payloads]
    into = "INSERT INTO outbox (aggregate, source, name, payload) VALUES %s"
    execute_values(cursor, into, rows, page_size=EVENTS)


def _mails_per_second(setting: Setting) -> float:
    with _ledger(setting) as client:
        sent = client.notifications.deliveries
        before = sent.count_documents({"status": "sent"})
        _until(lambda: sent.count_documents({"status": "sent"}) > before, "the first mail")
        before, began = sent.count_documents({"status": "sent"}), time.perf_counter()
        time.sleep(MAIL_SECONDS)
        return (sent.count_documents({"status": "sent"}) - before) / (time.perf_counter() - began)


def _ledger(setting: Setting) -> MongoClient[dict[str, Any]]:
    return MongoClient(setting.engines.mongodb.uri)


def _pending(cursor: Any) -> int:
    cursor.execute("SELECT count(*) FROM outbox")
    return int(cursor.fetchone()[0])


def _broker(setting: Setting) -> amqp.Connection:
    server = setting.engines.rabbitmq
    return amqp.Connection(
        f"127.0.0.1:{server.port}", userid=server.user, password=server.password, virtual_host="suite"
    )


def _until(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + AT_MOST_SECONDS
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(LOOK_SECONDS)
    return found
