"""Which fact is told by which mail, and that the mail can be written from it."""

from dataclasses import replace
from typing import Any

import pytest

from common import events
from common.errors import ValidationFailed
from common.events import Event
from common.locales import LANGUAGES
from common.mail_kinds import PREFERENCE_FOR, PREFERENCES, TEMPLATES
from common.schemas import load
from services.messaging import alerts, domain
from services.messaging.domain import Contact
from services.messaging.schemas import MessageQuery, NewMessage, show_message
from services.notifications.emails import build_message, render

ADA = Contact("u-1", "ada@example.com", "Ada <b>", 3)
TODO = {"id": "6561", "title": "Buy <milk>", "status": "pending", "priority": "high", "due_at": None}
CONTACT = {"user_id": "u-1", "email": "ada@example.com", "name": "Ada", "user_version": 1}
TODOS = {"user_id": "u-1", "todos": [TODO], "count": 1}
FIELDS: dict[Event, dict[str, Any]] = {
    events.USER_REGISTERED: {**CONTACT, "verification_token": "v" * 43},
    events.USER_LOGGED_IN: {
        "user_id": "u-1", "session_id": "s-1", "ip": "203.0.113.7", "user_agent": "Firefox",
        "new_device": True,
    },
    events.PASSWORD_RESET_REQUESTED: {"user_id": "u-1", "reset_token": "r" * 43, "expires_in": "1 hour"},
    events.PASSWORD_CHANGED: {"user_id": "u-1", "ip": "203.0.113.7"},
    events.EMAIL_VERIFICATION_REQUESTED: {
        "user_id": "u-1", "verification_token": "v" * 43, "new_email": "ada@new.example",
    },
    events.ACCOUNT_ALERTED: {"user_id": "u-1", "alert": "refresh_token_reused", "ip": "203.0.113.7"},
    events.TODO_CREATED: TODOS,
    events.TODO_UPDATED: {**TODOS, "changes": ["title"]},
    events.TODO_COMPLETED: {**TODOS, "changes": ["status"]},
    events.TODO_DELETED: TODOS,
    events.TODO_DUE_SOON: TODOS,
}  # fmt: skip
SILENT = {
    events.USER_UPDATED, events.USER_DELETED, events.NOTIFICATION_SENT, events.NOTIFICATION_FAILED,
    events.NOTIFICATION_CANCELLED,
}  # fmt: skip


def test_every_event_that_messaging_hears_asks_for_a_mail_or_is_known_not_to() -> None:
    assert set(events.SUBSCRIBERS["messaging"]) == set(domain.MAIL_FOR) | SILENT
    assert set(FIELDS) == set(domain.MAIL_FOR)


@pytest.mark.parametrize("kind", domain.MAIL_FOR, ids=lambda kind: kind.name)
def test_the_mail_of_an_event_can_be_written_from_it(kind: Event) -> None:
    mail = domain.mail_for(kind, kind.make("r-1", **FIELDS[kind]), ADA)
    rendered = render(mail.template, mail.context, public_url="https://todos.example.com")
    message = build_message(
        rendered, message_id=mail.message_id, sender="Todos <no-reply@example.com>", recipient=mail.recipient
    )
    assert "Ada" in rendered.text
    assert "<b>" not in rendered.html.replace("<body", "")
    assert f"\r\nX-Message-Id: {mail.message_id}\r\n".encode() in message.payload
    assert mail.user_id == "u-1"


@pytest.mark.parametrize("kind", domain.MAIL_FOR, ids=lambda kind: kind.name)
def test_an_event_seen_twice_asks_for_the_same_message(kind: Event) -> None:
    event = kind.make("r-1", **FIELDS[kind])
    other = kind.make("r-1", **FIELDS[kind])
    again = {**event, "request_id": "r-2"}
    ids = [domain.mail_for(kind, one, ADA).message_id for one in (event, again, other)]
    assert ids[0] == ids[1] != ids[2]


def test_a_message_id_never_changes_between_versions() -> None:
    assert domain.message_id("key:u-1:k-1") == domain.message_id("key:u-1:k-1")
    assert domain.message_id("e-1:welcome") == "2dd1f325-dc48-59a3-bede-2cf15a9c0c72"


def test_the_secret_of_a_link_is_in_the_mail_and_a_new_address_gets_its_own() -> None:
    kind = events.EMAIL_VERIFICATION_REQUESTED
    changed = domain.mail_for(kind, kind.make("r", **FIELDS[kind]), ADA)
    resent = domain.mail_for(kind, kind.make("r", **{**FIELDS[kind], "new_email": None}), ADA)
    assert changed.recipient == "ada@new.example"
    assert resent.recipient == "ada@example.com"
    text = render(resent.template, resent.context, public_url="https://x.example").text
    assert f"https://x.example/verify-email?token={'v' * 43}" in text


@pytest.mark.parametrize("alert", [*alerts.WORDS, "an_alert_of_a_newer_version"])
def test_an_alert_is_told_in_the_readers_language_at_the_address_that_the_event_names(alert: str) -> None:
    kind, german = events.ACCOUNT_ALERTED, replace(ADA, locale="de-AT")
    event = kind.make("r", user_id="u-1", alert=alert, ip="203.0.113.7")
    english, other = (domain.mail_for(kind, event, one) for one in (ADA, german))
    moved = domain.mail_for(kind, {**event, "recipient": "old@example.com"}, ADA)
    assert "203.0.113.7" in english.context["message"]
    assert english.context["message"] != other.context["message"]
    assert (english.recipient, moved.recipient) == ("ada@example.com", "old@example.com")


def test_every_alert_has_its_words_in_every_language() -> None:
    assert all(set(words) == set(LANGUAGES) for words in alerts.WORDS.values())


def test_completing_a_todo_sends_the_mail_of_a_change_that_says_so() -> None:
    mails = [
        domain.mail_for(one, one.make("r", **FIELDS[one]), ADA)
        for one in (events.TODO_UPDATED, events.TODO_COMPLETED)
    ]
    assert [mail.template for mail in mails] == ["todo_updated", "todo_updated"]
    assert [mail.context["completed"] for mail in mails] == [False, True]


def test_a_contact_is_what_the_users_own_event_tells() -> None:
    event = events.USER_UPDATED.make("r", **CONTACT, changes=["name"])
    assert domain.contact_of(event) == Contact("u-1", "ada@example.com", "Ada", 1)


def test_what_the_user_has_told_of_their_wishes_is_part_of_the_contact() -> None:
    wishes = {"locale": "de-AT", "preferences": {"todo_mails": False}}
    contact = domain.contact_of(events.USER_UPDATED.make("r", **CONTACT, changes=[], **wishes))
    mail = domain.mail_for(events.TODO_CREATED, events.TODO_CREATED.make("r", **TODOS), contact)
    assert (contact.locale, contact.preferences, mail.locale) == ("de-AT", {"todo_mails": False}, "de-AT")


def test_a_user_of_whom_no_wish_is_known_gets_all_mails_in_english() -> None:
    mail = domain.mail_for(events.TODO_CREATED, events.TODO_CREATED.make("r", **TODOS), ADA)
    assert mail.locale == "en"
    assert all(ADA.wants(template) for template in TEMPLATES)


@pytest.mark.parametrize("preference", PREFERENCES)
def test_a_preference_switches_its_own_mails_off_and_no_others(preference: str) -> None:
    contact = Contact("u-1", "ada@example.com", "Ada", 3, "en", {preference: False})
    unwanted = {template for template in TEMPLATES if not contact.wants(template)}
    assert unwanted == {template for template, switch in PREFERENCE_FOR.items() if switch == preference}


def test_what_tells_of_an_accounts_security_can_not_be_switched_off() -> None:
    contact = Contact(
        "u-1", "ada@example.com", "Ada", 3, "en", dict.fromkeys((*PREFERENCES, *TEMPLATES), False)
    )
    always = {"welcome", "password_reset", "password_changed", "email_verification", "system_alert"}
    assert {template for template in TEMPLATES if contact.wants(template)} == always
    assert contact.wants("welcome_back", new_device=True)


MESSAGE = {
    "template": "system_alert",
    "recipient": "ada@example.com",
    "context": {"title": "x", "message": "y"},
}


def test_a_message_is_a_template_a_recipient_and_a_context() -> None:
    assert load(NewMessage, MESSAGE) == {**MESSAGE, "idempotency_key": None, "deliver_at": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("template", "spam"), ("template", None), ("template", ["welcome"]), ("recipient", "nobody"),
        ("recipient", "a@example.com, b@example.com"), ("context", None), ("context", []), ("context", "x"),
        ("context", {"a": "x" * 100_001}), ("context", {"a\0b": 1}), ("context", {"a": 2**64}),
        ("context", {"a": [{"b": 1e30}]}), ("context", {"a": -(2.0**63)}),
        ("context", {"a": float("nan")}), ("context", {"a": "\ud800"}), ("context", {"\ud800": 1}),
        ("idempotency_key", ""), ("idempotency_key", "x" * 201), ("idempotency_key", 5), ("status", "sent"),
        ("template", "digest"), ("deliver_at", "tomorrow"), ("deliver_at", "2030-01-01"), ("deliver_at", 5),
        ("deliver_at", "2999-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_a_message_that_can_not_be_kept_is_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(ValidationFailed) as caught:
        load(NewMessage, {**MESSAGE, field: value})
    assert list(caught.value.details) == [field]


def test_a_query_knows_status_template_and_recipient() -> None:
    assert load(MessageQuery, {"status": "dead", "recipient": "a@b.c"})["limit"] == 50
    for wrong in ({"status": "lost"}, {"template": "spam"}, {"user": "x"}, {"limit": "1000"}):
        with pytest.raises(ValidationFailed):
            load(MessageQuery, wrong)


DOCUMENT: Any = {
    "_id": "m-1", "status": "sent", "template": "welcome", "recipient": "ada@example.com",
    "context": {"name": "Ada", "verification_token": "sesame"}, "user_id": "u-1", "fingerprint": "f",
    "attempts": [{"event_id": "e", "attempt": 1, "at": "x", "outcome": "sent"}],
    "created_at": None, "updated_at": None,
}  # fmt: skip


def test_a_message_is_shown_without_its_secrets() -> None:
    shown = show_message(DOCUMENT)
    assert "sesame" not in repr(shown)
    assert shown["context"]["name"] == "Ada"
    assert shown["attempts"] == [{"attempt": 1, "at": "x", "outcome": "sent"}]
    assert "fingerprint" not in shown


@pytest.mark.parametrize(
    ("told", "numbers"),
    [
        ([(1, 0), (2, 1), (3, 2)], [1, 2, 3]),
        ([(1, 0), (2, 1), (1, 2), (2, 3)], [1, 2, 3, 4]),  # replayed after the second
        ([(2, 1), (1, 0)], [1, 2]),  # told the wrong way round
        ([(2, 1)], [2]),  # the first is not told yet
    ],
)
def test_the_attempts_of_a_message_have_numbers_of_their_own_also_after_a_replay(
    told: list[tuple[int, int]], numbers: list[int]
) -> None:
    attempts = [
        {"attempt": number, "at": f"2026-11-22T13:45:0{second}.000Z", "outcome": "failed"}
        for number, second in told
    ]
    shown = show_message(DOCUMENT | {"attempts": attempts})["attempts"]
    assert [one["attempt"] for one in shown] == numbers
    assert [one["at"] for one in shown] == sorted(one["at"] for one in attempts)
