"""An administrator's message: one however often it is said, for now or for later, or taken back."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import Client, new_email
from tests.suite import Suite

Eventually = Callable[..., None]


def alert(recipient: str, title: str = "Tonight", **more: Any) -> dict[str, Any]:
    context = {"title": title, "message": "Read-only from 22:00."}
    return {"template": "system_alert", "recipient": recipient, "context": context, **more}


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def status(admin: Client, message_id: str) -> str:
    return str(admin.get(f"/api/messages/{message_id}").json()["status"])


@pytest.fixture(params=["gateway", "messaging"])
def desk(request: pytest.FixtureRequest, suite: Suite, admin: Client) -> Callable[..., Any]:
    """Both doors to the messages: the gateway's, and the messaging service's own."""
    here = Client(suite.url_of(request.param), admin.token)
    prefix = "/api" if request.param == "gateway" else ""
    return lambda method, path="", **options: here.call(method, f"{prefix}/messages{path}", **options)


def test_the_same_key_is_one_mail_wherever_it_stands(
    desk: Callable[..., Any], admin: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    body, key = alert(new_email()), str(uuid.uuid4())
    header = {"Idempotency-Key": key}
    first = desk("POST", json=body, headers=header)
    mailcatcher.wait_for_mail(body["recipient"])
    eventually(lambda: status(admin, first.json()["id"]) == "sent")
    again = [
        desk("POST", json=body, headers=header),
        desk("POST", json={**body, "idempotency_key": key}),
        desk("POST", json={**body, "idempotency_key": key}, headers=header),
    ]
    assert [(one.status_code, one.json()) for one in (first, *again)] == [(202, first.json())] * 4
    assert desk("POST", json={**body, "idempotency_key": "x"}, headers=header).status_code == 422
    other = desk("POST", json=alert(body["recipient"], "Tomorrow"), headers=header)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(mailcatcher.mails(body["recipient"])) == 1


def test_a_message_for_later_comes_later_and_on_time(
    desk: Callable[..., Any], admin: Client, mailcatcher: MailCatcher
) -> None:
    due = datetime.now(UTC) + timedelta(seconds=2)
    body = alert(new_email(), deliver_at=due.isoformat())
    accepted = desk("POST", json=body)
    assert (accepted.status_code, accepted.json()["status"]) == (202, "queued")
    shown = desk("GET", f"/{accepted.json()['id']}").json()
    assert shown["deliver_at"] == due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    mailcatcher.wait_for_mail(body["recipient"])
    attempts = mailcatcher.attempts(body["recipient"])
    assert len(attempts) == 1
    assert timedelta(0) <= datetime.fromisoformat(attempts[0]["at"]) - due < timedelta(seconds=2)


@pytest.mark.parametrize(
    "moment", ["tomorrow", "2030-01-01", "2030-01-01T00:00:00", 5, "2999-01-01T00:00:00Z", in_seconds(4e7)]
)
def test_a_time_that_is_none_or_too_far_ahead_is_refused(admin: Client, moment: Any) -> None:
    answer = admin.post("/api/messages", alert(new_email(), deliver_at=moment))
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["deliver_at"])


def test_a_message_can_be_taken_back_while_it_waits(
    desk: Callable[..., Any], mailcatcher: MailCatcher
) -> None:
    body = alert(new_email(), deliver_at=in_seconds(60))
    path = f"/{desk('POST', json=body).json()['id']}"
    assert [desk("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert desk("GET", path).json()["status"] == "cancelled"
    assert desk("DELETE", f"/{uuid.uuid4()}").status_code == 404


def test_a_message_that_is_sent_can_not_be_taken_back(
    desk: Callable[..., Any], admin: Client, mailcatcher: MailCatcher
) -> None:
    body = alert(new_email())
    path = f"/{desk('POST', json=body).json()['id']}"
    mailcatcher.wait_for_mail(body["recipient"])
    answer = desk("DELETE", path)
    assert answer.status_code == 409
    assert answer.json()["code"] in ("message_sent", "message_being_sent")


def test_only_administrators_take_messages_back(admin: Client, ada: Client, anyone: Client) -> None:
    body = alert(new_email(), deliver_at=in_seconds(60))
    path = f"/api/messages/{admin.post('/api/messages', body).json()['id']}"
    assert (anyone.delete(path).status_code, ada.delete(path).status_code) == (401, 403)
    assert admin.delete(path).status_code == 204


def test_messages_that_are_taken_back_at_the_last_moment_come_or_are_cancelled(
    admin: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    due = in_seconds(2)
    bodies = [alert(new_email(), deliver_at=due) for _ in range(40)]
    ids = [admin.post("/api/messages", body).json()["id"] for body in bodies]
    eventually(lambda: datetime.now(UTC).isoformat() > due)
    answers = [admin.delete(f"/api/messages/{one}").status_code for one in ids]
    assert set(answers) <= {204, 409}
    wanted = ["cancelled" if answer == 204 else "sent" for answer in answers]
    eventually(lambda: [status(admin, one) for one in ids] == wanted)
    arrived = [len(mailcatcher.mails(body["recipient"])) for body in bodies]
    assert arrived == [0 if answer == 204 else 1 for answer in answers]


def test_a_digest_is_nothing_that_can_be_asked_for(admin: Client) -> None:
    body = {**alert(new_email()), "template": "digest", "context": {"mails": [{"template": "welcome"}]}}
    assert list(admin.post("/api/messages", body).json()["errors"]) == ["template"]
