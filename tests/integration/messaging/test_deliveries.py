"""The delivery log of the notification service: who may send now, and that nothing is sent twice."""

import io
import json
import logging
import uuid
from typing import Any

import eventlet
import pytest

from common import events
from common.errors import Conflict
from common.failures import Postponed
from common.logging import formatter
from ops.engines.mailcatcher import MailCatcher
from services.notifications import domain
from services.notifications.claims import Claim
from services.notifications.service import NotificationsService
from services.notifications.storage import DeliveryLog
from tests.integration.conftest import Run
from tests.integration.databases import Heard
from tests.integration.messaging.conftest import Announcer
from tests.integration.running import Running, Wire, eventually


@pytest.fixture(scope="module")
def notifications(config: dict[str, Any], mailcatcher: MailCatcher, module_run: Run) -> Running:
    mail = {"host": "127.0.0.1", "port": str(mailcatcher.port), "tls": "none"}
    return module_run(NotificationsService, {**config, "MAIL": {**config["MAIL"], **mail}})


@pytest.fixture
def log(notifications: Running) -> DeliveryLog:
    found: DeliveryLog = notifications.inject("deliveries", request_id="r-1")
    return found


def new_id() -> str:
    return str(uuid.uuid4())


def claim(log: DeliveryLog, message_id: str) -> Claim | None:
    return log.claim(message_id, "welcome")


def test_a_mail_is_claimed_sent_and_then_a_duplicate(log: DeliveryLog, wire: Wire) -> None:
    message_id, heard = new_id(), Heard(wire, "notifications")
    mine = claim(log, message_id)
    assert mine
    mine.sent(1)
    assert log.status(message_id) == domain.SENT
    assert [claim(log, message_id) for _ in range(3)] == [None] * 3
    assert eventually(lambda: heard.names(message_id=message_id)) == ["notification_sent"]


def test_a_mail_that_is_being_sent_is_looked_at_again_later(log: DeliveryLog) -> None:
    message_id = new_id()
    claim(log, message_id)
    with pytest.raises(Postponed) as caught:
        claim(log, message_id)
    assert caught.value.seconds == domain.LOOK_AGAIN_SECONDS


def test_a_failed_mail_may_be_tried_again_at_once(log: DeliveryLog, wire: Wire) -> None:
    message_id, heard = new_id(), Heard(wire, "notifications")
    mine = claim(log, message_id)
    assert mine
    mine.failed(1, "smtp_timeout", "too slow", False)
    assert log.status(message_id) == domain.FAILED
    assert claim(log, message_id)
    [(name, event)] = eventually(lambda: heard.events(message_id=message_id))
    assert (name, event["reason"], event["final"], event["attempt"]) == (
        "notification_failed", "smtp_timeout", False, 1,
    )  # fmt: skip


def test_of_many_that_claim_at_once_one_gets_it(log: DeliveryLog) -> None:
    message_id = new_id()

    def attempt(_: int) -> bool:
        try:
            return claim(log, message_id) is not None
        except Postponed:
            return False

    assert list(eventlet.GreenPool(20).imap(attempt, range(20))).count(True) == 1


def test_a_cancelled_mail_is_closed_and_its_request_changes_nothing(
    announce: Announcer, log: DeliveryLog, wire: Wire, mailcatcher: MailCatcher
) -> None:
    recipient, message_id, heard = f"{new_id()}@example.com", new_id(), Heard(wire, "notifications")
    for _ in range(2):
        log.cancel(message_id)
    context = {"title": "x", "message": "y"}
    announce(
        events.NOTIFICATION_REQUESTED, message_id=message_id, template="system_alert", recipient=recipient,
        context=context,
    )  # fmt: skip
    assert eventually(lambda: heard.names(message_id=message_id)) == ["notification_cancelled"]
    eventlet.sleep(0.5)
    assert claim(log, message_id) is None
    assert log.status(message_id) == domain.CANCELLED
    assert mailcatcher.mails(recipient) == []
    assert heard.names(message_id=message_id) == ["notification_cancelled"]


def test_a_mail_is_cancelled_between_attempts_and_not_while_or_after_it_is_sent(log: DeliveryLog) -> None:
    message_id, sent = new_id(), new_id()
    mine, other = claim(log, message_id), claim(log, sent)
    assert mine
    assert other
    with pytest.raises(Conflict, match="message_being_sent"):
        log.cancel(message_id)
    mine.failed(1, "smtp_timeout", "too slow", False)
    log.cancel(message_id)
    assert log.status(message_id) == domain.CANCELLED
    other.sent(1)
    with pytest.raises(Conflict, match="message_sent"):
        log.cancel(sent)


def test_of_a_claim_and_a_cancellation_one_wins(log: DeliveryLog) -> None:
    def cancelled(message_id: str) -> bool:
        try:
            log.cancel(message_id)
        except Conflict:
            return False
        return True

    pool = eventlet.GreenPool(20)
    ids = [new_id() for _ in range(60)]
    pairs = [(pool.spawn(claim, log, one), pool.spawn(cancelled, one)) for one in ids]
    assert all((claimed.wait() is None) is stopped.wait() for claimed, stopped in pairs)


def ask_for(
    announce: Announcer, recipient: str, template: str = "system_alert", **context: Any
) -> dict[str, Any]:
    return announce(
        events.NOTIFICATION_REQUESTED, message_id=new_id(), template=template, recipient=recipient,
        context=context or {"title": "Tonight", "message": "Read-only."},
    )  # fmt: skip


def test_a_request_seen_three_times_is_one_mail(
    announce: Announcer, notifications: Running, mailcatcher: MailCatcher, log: DeliveryLog
) -> None:
    recipient = f"{new_id()}@example.com"
    event = ask_for(announce, recipient)
    for _ in range(2):
        announce.again(events.NOTIFICATION_REQUESTED, event)
    mailcatcher.wait_for_mail(recipient)
    eventually(lambda: log.status(event["message_id"]) == domain.SENT)
    announce.again(events.NOTIFICATION_REQUESTED, event)
    eventlet.sleep(0.5)
    assert len(mailcatcher.mails(recipient)) == 1
    assert mailcatcher.mails(recipient)[0]["headers"]["X-Message-Id"] == event["message_id"]


Told = tuple[Announcer, Running, Heard]


@pytest.fixture
def told_by(announce: Announcer, notifications: Running, wire: Wire) -> Told:
    """Who announces, who sends, and who hears what came of it."""
    return announce, notifications, Heard(wire, "notifications")


@pytest.mark.parametrize(
    ("template", "context", "reason"),
    [
        ("spam", {"x": 1}, "unknown_template"), ("welcome", {"name": "Ada"}, "missing_variable"),
        ("todo_created", {"name": "Ada", "todos": 5}, "invalid_variable"),
    ],
)  # fmt: skip
def test_a_mail_that_can_not_be_written_is_dead_at_once_with_its_reason(
    told_by: Told, admin: Any, template: str, context: Any, reason: str
) -> None:
    announce, notifications, heard = told_by
    event = ask_for(announce, "ada@example.com", template, **context)
    [(_, told)] = eventually(lambda: heard.events(message_id=event["message_id"]))
    assert (told["reason"], told["final"], told["attempt"]) == (reason, True, 1)
    letter = eventually(lambda: _letter(admin, event["message_id"]))
    assert (letter["reason"], letter["attempts"]) == (reason, 1)
    assert notifications.is_alive


def test_a_mail_that_fails_is_one_warning(told_by: Told) -> None:
    announce, _, heard = told_by
    written, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter("json"))
    root.addHandler(handler)
    try:
        event = ask_for(announce, "ada@example.com", "spam", x=1)
        eventually(lambda: heard.events(message_id=event["message_id"]))
        eventually(lambda: "message_dead_lettered" in written.getvalue())
        eventlet.sleep(0)
    finally:
        root.removeHandler(handler)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    mine = [one for one in lines if one.get("entrypoint", "").startswith("notifications.")]
    assert [(one["event"], one["reason"]) for one in mine] == [("message_dead_lettered", "unknown_template")]


def _letter(admin: Any, message_id: str) -> dict[str, Any] | None:
    found = admin.dead_letters(query={})["items"]
    return next((letter for letter in found if letter["message_id"] == message_id), None)
