"""What somebody waits for overtakes a backlog, and what is ordered for later survives whoever dies."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import Client, new_email
from tests.suite import Suite

Eventually = Callable[..., None]
BACKLOG = 500


@pytest.fixture
def slow_mail_server(mailcatcher: MailCatcher) -> Iterator[MailCatcher]:
    mailcatcher.clear()
    mailcatcher.faults(delay_seconds=0.5)
    yield mailcatcher
    mailcatcher.faults()


def todo_mail(recipient: str, **more: Any) -> dict[str, Any]:
    context = {"name": "Ada", "todos": [{"title": "Buy milk"}]}
    return {"template": "todo_created", "recipient": recipient, "context": context, **more}


def publish_all(admin: Client, bodies: list[dict[str, Any]]) -> list[str]:
    def publish(body: dict[str, Any]) -> str:
        answer = admin.post("/api/messages", body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(publish, bodies))


def test_urgent_mails_overtake_a_backlog_of_five_hundred(
    admin: Client, anyone: Client, slow_mail_server: MailCatcher, eventually: Eventually
) -> None:
    crowd = new_email()
    publish_all(admin, [todo_mail(crowd) for _ in range(BACKLOG)])
    started = time.monotonic()
    before = len(slow_mail_server.mails(crowd))
    ada, reset = anyone.register(), {"name": "Bob", "reset_token": "t", "expires_in": "1 hour"}
    bob = new_email()
    publish_all(admin, [{"template": "password_reset", "recipient": bob, "context": reset}])
    slow_mail_server.wait_for_mail(ada.user["email"], "Welcome")
    slow_mail_server.wait_for_mail(bob, "Reset your password")
    seconds, overtaken_by = time.monotonic() - started, len(slow_mail_server.mails(crowd)) - before
    assert before + overtaken_by < BACKLOG / 2, "there was no backlog to overtake"
    assert overtaken_by <= 40
    assert seconds < 4
    slow_mail_server.faults()
    eventually(lambda: len(slow_mail_server.mails(crowd)) == BACKLOG, seconds=60)


def test_messaging_killed_while_messages_become_due_loses_none_and_sends_none_twice(
    suite: Suite, admin: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    """Two instances side by side; each is killed in the middle of it, and one is started again."""
    suite.start("messaging.2")
    second = suite.processes.pop("messaging.2")
    try:
        recipient, begin = new_email(), datetime.now(UTC) + timedelta(seconds=6)
        moments = [(begin + timedelta(seconds=number / 40)).isoformat() for number in range(160)]
        ids = publish_all(admin, [todo_mail(recipient, deliver_at=moment) for moment in moments])
        time.sleep(max(0.0, (begin - datetime.now(UTC)).total_seconds() + 0.8))
        suite.signal("messaging")
        time.sleep(0.7)
        second.kill()
        suite.restart("messaging")
        eventually(lambda: len(mailcatcher.mails(recipient)) >= len(ids), seconds=40)
    finally:
        second.kill()
        second.wait()
        if suite.processes["messaging"].poll() is not None:
            suite.restart("messaging")
    time.sleep(2)
    sent = [mail["headers"]["X-Message-Id"] for mail in mailcatcher.mails(recipient)]
    assert sorted(sent) == sorted(ids)
