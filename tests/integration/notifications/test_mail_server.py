"""The mail server as the service depends on it: settings, and what becomes of mails while it is away."""

import uuid
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from nameko.containers import ServiceContainer

from common import events, metrics, topology
from common.config import BadSetting
from ops.engines.mailcatcher import MailCatcher
from ops.engines.ports import free_port
from services.notifications.mail_server import MailServer
from services.notifications.service import NotificationsService
from services.notifications.storage import DeliveryStorage
from tests.integration.conftest import Run
from tests.integration.running import Running, Wire, eventually, make_config

ASKED = events.NOTIFICATION_REQUESTED
QUEUE = topology.event_queue(ASKED, "notifications").name
MAX_ATTEMPTS = 3


class Service:
    """Has a mail server and nothing else."""

    name = "service"
    mailer = MailServer()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def notifications(vhost_uri: str, mongo_uri: str, port: int, run: Run) -> Iterator[Running]:
    mail = {"host": "127.0.0.1", "port": str(port), "tls": "none"}
    config = make_config(AMQP_URI=vhost_uri, MONGODB_URI=mongo_uri)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeliveryStorage, "database", f"notifications_{uuid.uuid4().hex[:8]}")
        patch.setitem(config["RETRY"], "max_attempts", MAX_ATTEMPTS)
        yield run(NotificationsService, {**config, "MAIL": {**config["MAIL"], **mail}})


def ask_for(wire: Wire, number: int) -> list[str]:
    """Ask for mails; their recipients."""
    recipients = [f"{uuid.uuid4()}@example.com" for _ in range(number)]
    for recipient in recipients:
        about = {"title": "Hello", "message": "."}
        event = ASKED.make(
            "r", message_id=str(uuid.uuid4()), template="system_alert", recipient=recipient, context=about
        )
        wire.send(event, ASKED.name, f"{ASKED.source}.events")
    return recipients


def test_the_provider_makes_the_mailer_from_the_settings(catcher: MailCatcher, vhost_uri: str) -> None:
    mail = {"host": "127.0.0.1", "port": str(catcher.port), "sender": "Todos <todos@example.com>"}
    container = ServiceContainer(Service, {"MAIL": mail, "ENV": "production", "AMQP_URI": vhost_uri})
    container.start()
    (provider,) = container.dependencies
    provider.get_dependency(None).check()
    container.stop()
    assert provider.mailer.settings.sender == "Todos <todos@example.com>"


def test_the_provider_refuses_to_start_with_wrong_settings(vhost_uri: str) -> None:
    with pytest.raises(BadSetting, match=r"^SMTP_HOST or EMAIL_SERVICE must be set"):
        ServiceContainer(Service, {"ENV": "production", "AMQP_URI": vhost_uri}).start()


def test_while_the_mail_server_is_away_mails_stay_in_their_queue_and_keep_their_attempts(
    notifications: Running, wire: Wire, port: int, tmp_path: Any
) -> None:
    recipients = ask_for(wire, 60)
    breaker = notifications.provider("mailer").mailer.breaker
    eventually(lambda: not breaker.is_closed)
    eventually(lambda: wire.count(QUEUE) >= 40)
    # Longer than all attempts of a mail would take.
    eventlet.sleep(4)
    assert wire.count(QUEUE) + waiting_in_delays(wire, notifications) >= 55
    assert wire.count(topology.DEAD_LETTERS) == 0
    assert b'suite_breaker_state{target="smtp"} 2.0' in metrics.exposition()[0]
    [report] = [
        part for name, part in notifications.inject("report")()["dependencies"].items() if name == "smtp"
    ]
    assert report["status"] == "warn"
    catcher = MailCatcher(tmp_path, port, free_port(), [])
    catcher.start()
    try:
        catcher.wait_ready()
        eventually(lambda: len(catcher.mails()) == 60, 25)
        assert sorted(mail["to"][0] for mail in catcher.mails()) == sorted(recipients)
        assert breaker.is_closed
        log = notifications.provider("deliveries").db.deliveries
        eventually(lambda: log.count_documents({"status": "sent"}) == 60)
    finally:
        catcher.stop()


def waiting_in_delays(wire: Wire, notifications: Running) -> int:
    """Mails that were taken before the pause, and wait for their next attempt."""
    log = notifications.provider("deliveries").db.deliveries
    return int(log.count_documents({"status": {"$in": ["claimed", "failed"]}}))


def test_a_server_that_defers_single_mails_is_no_reason_to_pause(
    notifications: Running, wire: Wire, port: int, tmp_path: Any
) -> None:
    catcher = MailCatcher(tmp_path, port, free_port(), [])
    catcher.start()
    try:
        catcher.wait_ready()
        catcher.faults(temporary_share=1.0)
        ask_for(wire, 10)
        eventually(lambda: wire.count(topology.DEAD_LETTERS) == 10, 20)
        assert notifications.provider("mailer").mailer.breaker.is_closed
    finally:
        catcher.stop()
        wire.purge(topology.DEAD_LETTERS)
