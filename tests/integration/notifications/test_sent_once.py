"""A mail is sent once, also when the delivery log is away or a claim is lost while it is being sent."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import eventlet
import pytest
from pymongo import MongoClient

from common import clock, events, metrics, topology
from common.group_commit import GroupCommit
from ops.engines.mailcatcher import MailCatcher
from services.notifications import domain
from services.notifications.service import NotificationsService
from services.notifications.storage import DeliveryLog, DeliveryStorage
from tests.integration.conftest import Run
from tests.integration.link import Link
from tests.integration.running import Running, Wire, eventually, make_config

ASKED = events.NOTIFICATION_REQUESTED


@pytest.fixture(scope="module")
def notifications(
    vhost_uri: str, mongo_uri: str, plain_catcher: MailCatcher, module_run: Run
) -> Iterator[Running]:
    config = make_config(AMQP_URI=vhost_uri, MONGODB_URI=mongo_uri)
    mail = {"host": "127.0.0.1", "port": str(plain_catcher.port), "tls": "none"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeliveryStorage, "database", f"notifications_{uuid.uuid4().hex[:8]}")
        patch.setattr(domain, "LOOK_AGAIN_SECONDS", 0.1)
        yield module_run(NotificationsService, {**config, "MAIL": {**config["MAIL"], **mail}})


@pytest.fixture
def mail(notifications: Running, catcher: MailCatcher) -> tuple[str, str]:
    """One that the mail server takes its time with: its id, and whose it is."""
    catcher.faults(delay_seconds=0.7)
    return str(uuid.uuid4()), f"{uuid.uuid4()}@example.com"


def ask_for(wire: Wire, message_id: str, recipient: str) -> None:
    about = {"title": "Hello", "message": "."}
    event = ASKED.make(
        "r", message_id=message_id, template="system_alert", recipient=recipient, context=about
    )
    wire.send(event, ASKED.name, f"{ASKED.source}.events")


def handled() -> float:
    return float(metrics.event_handled(ASKED.name, "handled")._value.get())


def test_a_mail_is_sent_once_though_its_log_is_away_when_it_has_been_taken(
    mail: tuple[str, str], notifications: Running, catcher: MailCatcher, wire: Wire, mongo_uri: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, seconds in {"LEASE_SECONDS": 1.0, "RENEW_SECONDS": 0.2, "NOTE_AGAIN_SECONDS": 0.1}.items():
        monkeypatch.setattr(domain, name, seconds)
    link, storage = Link(mongo_uri), notifications.provider("deliveries")
    with MongoClient[Any](link.uri, directConnection=True, serverSelectionTimeoutMS=200) as client:
        # What is renewed goes another way, so that it can be seen to go on.
        monkeypatch.setattr(storage, "group", GroupCommit(client[storage.database].deliveries))
        before = handled()
        ask_for(wire, *mail)
        eventually(lambda: status(storage, mail[0]) == domain.CLAIMED)
        link.cut()
        eventually(lambda: catcher.mails(mail[1]))
        eventlet.sleep(domain.LEASE_SECONDS)
        assert storage.deliveries.find_one({"_id": mail[0]})["lease_until"] > clock.now()
        link.mend()
        eventually(lambda: status(storage, mail[0]) == domain.SENT)
        eventually(lambda: handled() > before)
        link.cut()
    assert len(catcher.mails(mail[1])) == 1


@pytest.mark.parametrize("closed", [domain.SENT, domain.CANCELLED])
def test_an_attempt_that_has_lost_its_claim_and_fails_changes_nothing(
    mail: tuple[str, str], notifications: Running, catcher: MailCatcher, wire: Wire, closed: str
) -> None:
    message_id, recipient = mail
    storage, before = notifications.provider("deliveries"), handled()
    catcher.faults(delay_seconds=0.7, temporary_recipients=[recipient], stage="data")
    ask_for(wire, message_id, recipient)
    eventually(lambda: status(storage, message_id) == domain.CLAIMED)
    over = {"$set": {"lease_until": clock.now() - timedelta(seconds=1)}}
    storage.deliveries.update_one({"_id": message_id}, over)
    others: DeliveryLog = notifications.inject("deliveries", request_id="r")
    if closed == domain.CANCELLED:
        others.cancel(message_id)
    else:
        claim = others.claim(message_id, "system_alert")
        assert claim
        claim.sent(1)
    assert not catcher.attempts(recipient)
    eventually(lambda: handled() > before)
    assert [one["code"] for one in catcher.attempts(recipient)] == [451]
    assert status(storage, message_id) == closed
    assert wire.count(topology.DEAD_LETTERS) == 0


def status(storage: Any, message_id: str) -> str:
    found = storage.db.deliveries.find_one({"_id": message_id})
    return str(found["status"]) if found else ""
