"""What can't be delivered is set aside with its reason, and delivered once when its cause is mended."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import amqp
import pytest
from kombu import Connection

from ops.engines import RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import Client, new_email
from tests.suite import ROOT, Suite

Eventually = Callable[..., None]
LETTERS = "/api/messages/dead-letters"


def refused_mail(admin: Client, mailcatcher: MailCatcher) -> tuple[str, str]:
    """A mail that the server refused for good: its address and its message's id."""
    email = new_email()
    mailcatcher.faults(permanent_recipients=[email])
    body = {"template": "system_alert", "recipient": email, "context": {"title": "Hello", "message": "."}}
    return email, admin.post("/api/messages", body).json()["id"]


def letter_of(admin: Client, message_id: str, eventually: Eventually) -> dict[str, Any]:
    """The dead letter of a message."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        letters = admin.get(LETTERS).json()
        found[:] = [letter for letter in letters if letter["message_id"] == message_id]
        return bool(found)

    eventually(is_there)
    return found[0]


def test_a_permanent_failure_is_set_aside_at_once_and_replayed_once(
    admin: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    try:
        email, message_id = refused_mail(admin, mailcatcher)
        letter = letter_of(admin, message_id, eventually)
    finally:
        mailcatcher.faults()
    eventually(lambda: admin.get(f"/api/messages/{message_id}").json()["status"] == "dead")
    whole = admin.get(f"{LETTERS}/{letter['id']}").json()
    replayed = admin.post(f"{LETTERS}/{letter['id']}/replay")
    mail = mailcatcher.wait_for_mail(email)

    assert (letter["reason"], letter["attempts"]) == ("smtp_recipient_refused", 1)
    assert whole["payload"]["recipient"] == email
    assert (replayed.status_code, replayed.json()) == (202, {"replayed": 1})
    assert mail["headers"]["X-Message-Id"] == message_id
    assert admin.get(f"{LETTERS}/{letter['id']}").status_code == 404
    eventually(lambda: admin.get(f"/api/messages/{message_id}").json()["status"] == "sent")
    assert len(mailcatcher.mails(email)) == 1


def test_a_permanent_failure_needs_less_than_a_second_from_its_attempt_to_the_dead_letters(
    admin: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    try:
        email, message_id = refused_mail(admin, mailcatcher)
        eventually(lambda: mailcatcher.attempts(to=email))
        tried = time.monotonic()
        letter_of(admin, message_id, eventually)
    finally:
        mailcatcher.faults()

    assert time.monotonic() - tried < 1


def test_what_has_used_up_its_attempts_is_set_aside_with_their_number_and_all_can_be_replayed(
    admin: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    emails = [new_email() for _ in range(3)]
    mailcatcher.faults(temporary_recipients=emails)
    try:
        ids = []
        for email in emails:
            context = {"title": "Later", "message": "."}
            body = {"template": "system_alert", "recipient": email, "context": context}
            ids.append(admin.post("/api/messages", body).json()["id"])
        letters = [letter_of(admin, message_id, eventually) for message_id in ids]
    finally:
        mailcatcher.faults()
    eventually(lambda: len(admin.get(f"/api/messages/{ids[0]}").json()["attempts"]) == 5)
    replayed = admin.post(f"{LETTERS}/replay", {"template": "system_alert", "reason": "smtp_deferred"})
    for email in emails:
        mailcatcher.wait_for_mail(email, "Later")

    assert [letter["attempts"] for letter in letters] == [5, 5, 5]
    assert replayed.json() == {"replayed": 3}
    assert [len(mailcatcher.mails(email)) for email in emails] == [1, 1, 1]


@dataclass
class Running:
    """The suite with its broker and its mail server."""

    suite: Suite
    rabbitmq: RabbitMQ
    mailcatcher: MailCatcher


@pytest.fixture
def running(suite: Suite, rabbitmq: RabbitMQ, mailcatcher: MailCatcher) -> Running:
    return Running(suite, rabbitmq, mailcatcher)


POISON: dict[str, tuple[bytes, dict[str, Any]]] = {
    "no JSON": (b"{not json", {}),
    "another shape": (b"[1, 2, 3]", {}),
    "a field that is missing": (json.dumps({"event_id": "e"}).encode(), {}),
    "an unknown content type": (b"x", {"content_type": "application/x-unknown"}),
    "no content type": (b"\xff\xfe", {"content_type": None}),
    "a call stack that is none": (b"{}", {"application_headers": {"nameko.call_id_stack": 7}}),
    "an encoded value": (b'{"event_id": {"__type__": "datetime", "__value__": "x"}}', {}),
    "20 MiB": (b'"' + b"x" * 20 * 1024 * 1024 + b'"', {}),
}


@pytest.mark.parametrize(("body", "properties"), POISON.values(), ids=POISON.keys())
def test_poison_ends_in_the_dead_letters_and_the_queue_behind_it_drains(
    running: Running, admin: Client, eventually: Eventually, body: bytes, properties: dict[str, Any]
) -> None:
    queue = "evt-messaging-notification_requested--notifications.handle_notification_requested"
    before = {letter["id"] for letter in admin.get(f"{LETTERS}?queue={queue}&limit=100").json()}
    usual = {"content_type": "application/json", "content_encoding": "utf-8", "message_id": new_email()}
    known = {key: value for key, value in {**usual, **properties}.items() if value is not None}
    with Connection(running.rabbitmq.uri) as connection:
        channel: Any = connection.default_channel
        channel.basic_publish(amqp.Message(body, **known), "", queue)

    def new() -> list[dict[str, Any]]:
        letters = admin.get(f"{LETTERS}?queue={queue}&limit=100").json()
        return [letter for letter in letters if letter["id"] not in before]

    eventually(lambda: len(new()) == 1)
    letter = new()[0]
    ada = Client(running.suite.url).register()
    running.mailcatcher.wait_for_mail(ada.user["email"])

    assert letter["reason"] in ("undecodable", "malformed_event")
    assert all(process.poll() is None for process in running.suite.processes.values())
    assert admin.get(f"{LETTERS}/{letter['id']}").status_code == 200
    assert admin.delete(f"{LETTERS}/{letter['id']}").status_code == 204
    assert new() == []


def test_dead_letters_are_an_administrators_matter(ada: Client, admin: Client) -> None:
    refused = [
        ada.get(LETTERS),
        ada.get(f"{LETTERS}/x"),
        ada.delete(f"{LETTERS}/x"),
        ada.post(f"{LETTERS}/x/replay"),
        ada.post(f"{LETTERS}/replay", {}),
    ]
    missing = [admin.get(f"{LETTERS}/x"), admin.delete(f"{LETTERS}/x"), admin.post(f"{LETTERS}/x/replay")]

    assert {answer.status_code for answer in refused} == {403}
    assert {answer.status_code for answer in missing} == {404}
    assert admin.post(f"{LETTERS}/replay", {"limit": 0}).status_code == 422
    assert admin.get(f"{LETTERS}?color=red").status_code == 422


def test_an_operator_gets_a_table_of_them(
    suite: Suite, admin: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    try:
        _, message_id = refused_mail(admin, mailcatcher)
        letter = letter_of(admin, message_id, eventually)
    finally:
        mailcatcher.faults()
    command = [sys.executable, "-W", "ignore", "-m", "ops.dead_letters"]
    table = subprocess.run(
        command, cwd=ROOT, env=suite.environment, capture_output=True, text=True, timeout=30, check=True
    )

    assert letter["id"] in table.stdout
    assert "smtp_recipient_refused" in table.stdout
    assert admin.delete(f"{LETTERS}/{letter['id']}").status_code == 204
