"""What has waited reaches its reader as it would have at once: in their language, with their link."""

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from common import clock
from common.unsubscribe import Links
from ops.engines.mailcatcher import MailCatcher
from services.messaging.domain import Mail
from services.messaging.storage import Ledger
from services.notifications.service import NotificationsService
from tests.integration.conftest import Run
from tests.integration.databases import Heard
from tests.integration.running import SECRET, Running, Wire, eventually, make_config

AMOUNT = 1


@pytest.fixture(scope="module")
def config(vhost_uri: str, mongo_uri: str, mailcatcher: MailCatcher) -> dict[str, Any]:
    limit = f"{AMOUNT} per 3 seconds"
    config = make_config(AMQP_URI=vhost_uri, MONGODB_URI=mongo_uri, RECIPIENT_RATE_LIMIT=limit)
    config["MAIL"] |= {"host": "127.0.0.1", "port": str(mailcatcher.port), "tls": "none"}
    return config


@pytest.fixture(autouse=True, scope="module")
def notifications(config: dict[str, Any], module_run: Run) -> Running:
    return module_run(NotificationsService, config)


def entered(ledger: Ledger, template: str, reader: str | None, locale: str, seconds: float = 0) -> Mail:
    """A mail in the ledger, for later if there are seconds."""
    later = clock.now() + timedelta(seconds=seconds) if seconds else None
    context = {"name": "Ada", "todos": [{"title": "Buy milk"}], "changed_at": "2030-01-31T12:00:00Z"}
    address = f"{reader or uuid.uuid4()}@example.com"
    mail = Mail(str(uuid.uuid4()), template, address, context, reader, locale, later)
    assert ledger.add(mail)
    return mail


def statuses(ledger: Ledger, mails: list[Mail]) -> set[str]:
    return {str(ledger.get(mail.message_id)["status"]) for mail in mails}


def test_a_mail_for_later_speaks_its_readers_language_and_can_be_unsubscribed(
    ledger: Ledger, mailcatcher: MailCatcher
) -> None:
    reader = str(uuid.uuid4())
    mail = mailcatcher.wait_for_mail(entered(ledger, "todo_created", reader, "de-AT", 0.5).recipient)
    link = mail["headers"]["List-Unsubscribe"].strip("<>")
    assert mail["subject"] == "Neue Aufgabe: Buy milk"
    assert Links(SECRET, "").read(parse_qs(urlsplit(link).query)["token"][0]) == (reader, "todo_mails")


@pytest.mark.parametrize("seconds", [0, 0.5], ids=["at once", "later"])
@pytest.mark.parametrize("template", ["password_changed", "todo_deleted"])
def test_whatever_is_asked_for_says_whose_it_is_and_in_which_language(
    ledger: Ledger, wire: Wire, template: str, seconds: float
) -> None:
    heard, reader = Heard(wire, "messaging"), str(uuid.uuid4())
    mail = entered(ledger, template, reader, "de", seconds)
    [(_, asked)] = eventually(lambda: heard.events(message_id=mail.message_id))
    assert (asked["user_id"], asked["locale"]) == (reader, "de")


def test_what_a_version_before_has_left_waiting_is_sent_in_english(
    ledger: Ledger, mailcatcher: MailCatcher
) -> None:
    mail = entered(ledger, "todo_deleted", str(uuid.uuid4()), "de", 1)
    ledger._messages.update_one({"_id": mail.message_id}, {"$unset": {"locale": ""}})
    assert mailcatcher.wait_for_mail(mail.recipient)["subject"] == "Deleted: Buy milk"


def test_a_digest_speaks_the_language_that_its_reader_has_chosen_last(
    ledger: Ledger, mailcatcher: MailCatcher
) -> None:
    reader = str(uuid.uuid4())
    mails = [entered(ledger, "todo_created", reader, "en") for _ in range(AMOUNT + 2)]
    entered(ledger, "todo_deleted", reader, "de")
    digest = mailcatcher.wait_for_mail(mails[0].recipient, "3 Nachrichten von Todos")
    whole = mailcatcher.mail(digest["id"])
    assert whole["text"].count("- Neue Aufgabe: Buy milk (") == 2
    assert "- Gelöscht: Buy milk (" in whole["text"]
    assert not any(name.startswith("List-") for name in whole["headers"])
    assert ledger.get(whole["headers"]["X-Message-Id"])["user_id"] == reader


def test_a_dead_digest_that_is_replayed_takes_its_messages_along(
    ledger: Ledger, admin: Any, mailcatcher: MailCatcher
) -> None:
    reader = str(uuid.uuid4())
    first, *held = [entered(ledger, "todo_created", reader, "de") for _ in range(AMOUNT + 3)]
    mailcatcher.wait_for_mail(first.recipient, "Neue Aufgabe")
    mailcatcher.faults(permanent_recipients=[first.recipient])
    try:
        eventually(lambda: statuses(ledger, held) == {"dead"}, 15)
        found = {"template": "digest"}
        [letter] = eventually(lambda: admin.dead_letters(query=found)["items"])
    finally:
        mailcatcher.faults()
    assert letter["message_id"] == ledger.get(held[0].message_id)["gathered_into"]
    assert admin.replay_dead_letter(letter_id=letter["id"]) == {"replayed": 1}
    assert statuses(ledger, held) <= {"queued", "sent"}
    mailcatcher.wait_for_mail(first.recipient, "3 Nachrichten von Todos")
    eventually(lambda: statuses(ledger, held) == {"sent"})
