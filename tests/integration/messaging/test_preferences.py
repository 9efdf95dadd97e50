"""Unwanted mails are not entered, and what is sent speaks its reader's language."""

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import eventlet
import pytest

from common import events, topology
from common.errors import Forbidden, NotFound
from common.mail_kinds import KINDS, PREFERENCE_FOR
from common.unsubscribe import Links
from ops.engines.mailcatcher import MailCatcher
from services.messaging.domain import Contact
from services.messaging.storage import Ledger
from services.notifications.service import NotificationsService
from tests.integration.conftest import Run
from tests.integration.databases import Heard
from tests.integration.messaging.conftest import Announcer
from tests.integration.running import SECRET, Running, Somebody, Wire, eventually

LOGIN = {"session_id": "s-1", "ip": "203.0.113.7", "user_agent": "Firefox", "new_device": False}
TODOS: dict[str, Any] = {"todos": [{"title": "Buy milk"}], "count": 1}


@pytest.fixture(scope="module")
def notifications(config: dict[str, Any], mailcatcher: MailCatcher, module_run: Run) -> Running:
    mail = {"host": "127.0.0.1", "port": str(mailcatcher.port), "tls": "none"}
    return module_run(NotificationsService, {**config, "MAIL": {**config["MAIL"], **mail}})


def new_id() -> str:
    return str(uuid.uuid4())


def known(ledger: Ledger, locale: str | None = None, **preferences: bool) -> str:
    """A user with these wishes; the id."""
    user_id = new_id()
    ledger.keep_contact(Contact(user_id, f"{user_id}@example.com", "Ada", 1, locale, preferences or None))
    return user_id


def templates_of(ledger: Ledger, user_id: str) -> list[str]:
    return sorted(one["template"] for one in ledger._messages.find({"user_id": user_id}))


def handled(wire: Wire, *kinds: events.Event) -> None:
    """Wait until the events of these kinds have been handled."""
    for kind in kinds:
        queue = topology.event_queue(kind, "messaging").name
        eventually(lambda queue=queue: wire.count(queue) == 0)
    eventlet.sleep(0.3)


def test_a_mail_that_is_switched_off_is_not_entered_and_all_others_are(
    announce: Announcer, ledger: Ledger, wire: Wire
) -> None:
    user_id = known(ledger, todo_mails=False)
    todo_events = (events.TODO_CREATED, events.TODO_DELETED, events.TODO_DUE_SOON)
    for kind in todo_events:
        announce(kind, user_id=user_id, **TODOS)
    for kind in (events.TODO_UPDATED, events.TODO_COMPLETED):
        announce(kind, user_id=user_id, **TODOS, changes=["status"])
    announce(events.USER_LOGGED_IN, user_id=user_id, **LOGIN)
    announce(events.PASSWORD_CHANGED, user_id=user_id, ip="203.0.113.7")
    eventually(lambda: templates_of(ledger, user_id) == ["password_changed", "welcome_back"])
    handled(wire, *todo_events, events.TODO_UPDATED, events.TODO_COMPLETED)
    assert templates_of(ledger, user_id) == ["password_changed", "welcome_back"]


def test_of_a_login_from_a_new_device_its_owner_hears_in_any_case(
    announce: Announcer, ledger: Ledger, wire: Wire
) -> None:
    user_id = known(ledger, login_mails=False)
    for new in (False, True):
        announce(events.USER_LOGGED_IN, user_id=user_id, **{**LOGIN, "new_device": new})
    eventually(lambda: templates_of(ledger, user_id))
    handled(wire, events.USER_LOGGED_IN)
    [message] = ledger._messages.find({"user_id": user_id})
    assert message["context"]["new_device"] is True


def test_the_wishes_of_an_event_are_kept_with_the_contact(announce: Announcer, ledger: Ledger) -> None:
    user_id = new_id()
    wishes = {"locale": "de-AT", "preferences": {"todo_mails": True, "login_mails": False}}
    contact = {"user_id": user_id, "email": "ada@example.com", "name": "Ada"}
    announce(events.USER_UPDATED, **contact, user_version=2, changes=["locale"], **wishes)
    eventually(lambda: ledger.contact(user_id))
    assert ledger.contact(user_id) == Contact(user_id, "ada@example.com", "Ada", 2, **wishes)


def test_an_event_of_the_version_before_is_no_dead_letter_and_takes_no_wish_back(
    announce: Announcer, ledger: Ledger, wire: Wire
) -> None:
    wire.purge(topology.DEAD_LETTERS)
    user_id = known(ledger, "de", todo_mails=False)
    contact = {"user_id": user_id, "email": "new@example.com", "name": "Ada"}
    announce(events.USER_UPDATED, **contact, user_version=2, changes=["email"])
    eventually(lambda: ledger.contact(user_id).user_version == 2)
    assert ledger.contact(user_id) == Contact(
        user_id, "new@example.com", "Ada", 2, "de", {"todo_mails": False}
    )
    assert wire.count(topology.DEAD_LETTERS) == 0


def test_a_contact_of_the_version_before_gets_its_mails_in_english(
    announce: Announcer, ledger: Ledger, wire: Wire
) -> None:
    user_id, heard = new_id(), Heard(wire, "messaging")
    ledger._contacts.insert_one({"_id": user_id, "email": "a@example.com", "name": "Ada", "user_version": 1})
    announce(events.TODO_CREATED, user_id=user_id, **TODOS)
    [message] = eventually(lambda: list(ledger._messages.find({"user_id": user_id})))
    [(_, asked)] = eventually(lambda: heard.events(message_id=message["_id"]))
    assert (message["locale"], asked["locale"], asked["user_id"]) == ("en", "en", user_id)


def ask_for(announce: Announcer, template: str, context: Any, **reader: Any) -> str:
    """Ask for a mail; the address that it goes to."""
    recipient = f"{new_id()}@example.com"
    announce(
        events.NOTIFICATION_REQUESTED, message_id=new_id(), template=template, recipient=recipient,
        context={"name": "Ada", **context}, **reader,
    )  # fmt: skip
    return recipient


def test_chatter_carries_a_link_to_unsubscribe_in_header_and_footer(
    announce: Announcer, notifications: Running, mailcatcher: MailCatcher, config: dict[str, Any]
) -> None:
    user_id = new_id()
    mail = mailcatcher.wait_for_mail(ask_for(announce, "todo_created", TODOS, user_id=user_id, locale="de"))
    link = mail["headers"]["List-Unsubscribe"].strip("<>")
    token = parse_qs(urlsplit(link).query)["token"][0]
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link.startswith(f"{config['PUBLIC_URL']}/unsubscribe?token=")
    assert link in mail["text"]
    assert link in mail["html"]
    assert Links(SECRET, "").read(token) == (user_id, "todo_mails")
    assert mail["subject"] == "Neue Aufgabe: Buy milk"


@pytest.mark.parametrize(
    ("template", "context", "reader"),
    [
        ("password_changed", {"changed_at": "2030-01-31T12:00:00Z"}, {"user_id": "u-1", "locale": "en"}),
        ("system_alert", {"title": "x", "message": "y"}, {"user_id": "u-1", "locale": "fr"}),
        ("todo_created", TODOS, {}),
        ("todo_created", TODOS, {"user_id": None, "locale": None}),
    ],
    ids=["security", "operators", "asked for by the version before", "for nobody's account"],
)
def test_other_mails_carry_no_such_link_and_are_sent_in_english(
    announce: Announcer, notifications: Running, mailcatcher: MailCatcher, template: str, context: Any,
    reader: dict[str, Any],
) -> None:  # fmt: skip
    mail = mailcatcher.wait_for_mail(ask_for(announce, template, context, **reader))
    assert not any(name.startswith("List-") for name in mail["headers"])
    assert "unsubscribe" not in (mail["text"] + mail["html"]).lower()
    assert "Hello Ada" in mail["text"]


def test_an_administrator_sees_how_each_mail_reads(config: dict[str, Any], notifications: Running) -> None:
    admin = Somebody(config, role="admin")
    for template in KINDS:
        english = admin.call.notifications.preview(template=template)
        german = admin.call.notifications.preview(template=template, locale="de-AT")
        assert set(english) == {"subject", "text", "html"}
        assert (english["text"][:5], german["text"][:5]) == ("Hello", "Hallo")
        assert ("/unsubscribe?token=sample" in english["text"]) is (template in PREFERENCE_FOR)
    for wrong in ("nothing", "", "../welcome", None, ["welcome"]):
        with pytest.raises(NotFound) as caught:
            admin.call.notifications.preview(template=wrong)
        assert caught.value.code == "template_not_found"
    admin.stop()


def test_nobody_else_sees_it(config: dict[str, Any], notifications: Running) -> None:
    somebody = Somebody(config)
    with pytest.raises(Forbidden):
        somebody.call.notifications.preview(template="welcome")
    somebody.stop()
