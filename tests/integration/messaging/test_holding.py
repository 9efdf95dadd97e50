"""What an address may not get yet waits, and comes in one mail: nothing is lost, nothing comes twice."""

import uuid
from datetime import timedelta
from typing import Any

import eventlet
import limits
import pytest

from common import clock, events
from ops.engines.mailcatcher import MailCatcher
from services.messaging import holding
from services.messaging.domain import Mail
from services.messaging.holding import Waiting
from services.messaging.service import MessagingService
from services.messaging.storage import Ledger
from services.messaging.windows import Windows
from services.notifications.service import NotificationsService
from tests.integration.conftest import Run
from tests.integration.messaging.conftest import Announcer
from tests.integration.running import Running, eventually, make_config

AMOUNT, SECONDS = 3, 4


@pytest.fixture(scope="module")
def config(vhost_uri: str, mongo_uri: str, mailcatcher: MailCatcher) -> dict[str, Any]:
    limit = f"{AMOUNT} per {SECONDS} seconds"
    config = make_config(AMQP_URI=vhost_uri, MONGODB_URI=mongo_uri, RECIPIENT_RATE_LIMIT=limit)
    config["MAIL"] |= {"host": "127.0.0.1", "port": str(mailcatcher.port), "tls": "none"}
    return config


@pytest.fixture(autouse=True, scope="module")
def notifications(config: dict[str, Any], module_run: Run) -> Running:
    return module_run(NotificationsService, config)


@pytest.fixture
def recipient() -> str:
    return f"{uuid.uuid4()}@example.com"


@pytest.fixture
def quick_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "LEASE_SECONDS", 0.5)


def publish(admin: Any, recipient: str, *titles: str, template: str = "todo_created") -> list[str]:
    def one(title: str) -> str:
        context = {"name": "Ada", "todos": [{"title": title}]}
        data = {"template": template, "recipient": recipient, "context": context}
        return str(admin.publish(data=data)["id"])

    return [one(title) for title in titles]


def numbered(count: int) -> list[str]:
    return [f"todo {number}." for number in range(count)]


def held(ledger: Ledger, recipient: str, count: int, **fields: Any) -> list[str]:
    """Messages that are held in the ledger and become due after that many seconds; their ids."""
    ids = []
    for title in numbered(count):
        until = clock.now() + timedelta(seconds=60)
        context = {"name": "Ada", "todos": [{"title": title}]}
        mail = Mail(str(uuid.uuid4()), "todo_created", recipient, context, deliver_at=until)
        assert ledger.add(mail)
        ids.append(mail.message_id)
    ledger._messages.update_many({"_id": {"$in": ids}}, {"$set": {"held_until": clock.now(), **fields}})
    return ids


def statuses(admin: Any, ids: list[str]) -> list[str]:
    return [admin.get(message_id=one)["status"] for one in ids]


def told(mailcatcher: MailCatcher, recipient: str, title: str) -> int:
    """In how many mails to the address a title stands."""
    mails = [mailcatcher.mail(mail["id"]) for mail in mailcatcher.mails(recipient)]
    return sum(title in mail["text"] for mail in mails)


def settled(admin: Any, ids: list[str], seconds: float = 20) -> None:
    eventually(lambda: set(statuses(admin, ids)) == {"sent"}, seconds)


def test_what_exceeds_the_limit_comes_in_one_mail_when_the_address_may_get_one_again(
    admin: Any, mailcatcher: MailCatcher, recipient: str
) -> None:
    ids = publish(admin, recipient, *numbered(8))
    waiting = admin.get(message_id=ids[-1])
    assert waiting["status"] == "queued"
    assert clock.to_text(clock.now()) < waiting["held_until"]
    eventually(lambda: len(mailcatcher.mails(recipient)) == AMOUNT)
    settled(admin, ids)
    shown = [admin.get(message_id=one) for one in ids]
    assert [one["gathered_into"] for one in shown[:AMOUNT]] == [None] * AMOUNT
    [digest_id] = {one["gathered_into"] for one in shown[AMOUNT:]}
    assert {one["held_until"] for one in shown} == {None}
    digest = admin.get(message_id=digest_id)
    assert (digest["status"], digest["template"], digest["recipient"]) == ("sent", "digest", recipient)
    assert len(mailcatcher.mails(recipient)) == AMOUNT + 1
    mail = mailcatcher.mail(mailcatcher.wait_for_mail(recipient, "5 messages from Todos")["id"])
    assert [f"New todo: {title}" in mail["text"] for title in numbered(8)] == [False] * 3 + [True] * 5
    assert mail["headers"]["X-Message-Id"] == digest_id


def test_a_single_mail_that_was_held_comes_as_it_is(
    admin: Any, mailcatcher: MailCatcher, recipient: str
) -> None:
    ids = publish(admin, recipient, *numbered(AMOUNT + 1))
    settled(admin, ids)
    assert len(mailcatcher.mails(recipient, "New todo: todo 3.")) == 1
    assert admin.get(message_id=ids[-1])["gathered_into"] is None


def test_the_limit_of_one_address_is_not_anothers_and_security_mails_have_none(
    admin: Any, mailcatcher: MailCatcher, recipient: str
) -> None:
    publish(admin, recipient, *numbered(AMOUNT + 2))
    others = [publish(admin, f"{number}-{recipient}", "x")[0] for number in range(5)]
    reset = {"name": "Ada", "reset_token": "t", "expires_in": "1 hour"}
    data = {"template": "password_reset", "recipient": recipient, "context": reset}
    exempt = [admin.publish(data=data)["id"] for _ in range(AMOUNT * 2)]
    assert {admin.get(message_id=one)["held_until"] for one in (*others, *exempt)} == {None}
    eventually(lambda: len(mailcatcher.mails(recipient, "Reset your password")) == AMOUNT * 2)


def test_a_mail_for_later_is_subject_to_the_limit_when_it_is_due(
    admin: Any, mailcatcher: MailCatcher, recipient: str
) -> None:
    soon = clock.to_text(clock.now() + timedelta(seconds=0.5))
    context = {"name": "Ada", "todos": [{"title": "later."}]}
    data = {"template": "todo_reminder", "recipient": recipient, "context": context, "deliver_at": soon}
    ids = [*publish(admin, recipient, *numbered(AMOUNT)), *[admin.publish(data=data)["id"] for _ in range(2)]]
    eventually(lambda: admin.get(message_id=ids[-1])["held_until"])
    settled(admin, ids)
    assert len(mailcatcher.mails(recipient)) == AMOUNT + 1


def test_a_held_mail_that_is_cancelled_is_not_in_the_digest(
    admin: Any, mailcatcher: MailCatcher, recipient: str
) -> None:
    ids = publish(admin, recipient, *numbered(AMOUNT + 3))
    admin.cancel(message_id=ids[-1])
    settled(admin, ids[:-1])
    assert admin.get(message_id=ids[-1])["status"] == "cancelled"
    assert told(mailcatcher, recipient, numbered(AMOUNT + 3)[-1]) == 0


def test_held_mails_of_a_deleted_user_are_not_sent(
    announce: Announcer, ledger: Ledger, mailcatcher: MailCatcher, recipient: str
) -> None:
    user_id = str(uuid.uuid4())
    announce(
        events.USER_REGISTERED, user_id=user_id, email=recipient, name="Ada", user_version=1,
        verification_token="v" * 43,
    )  # fmt: skip
    mailcatcher.wait_for_mail(recipient, "Welcome")
    for _ in range(AMOUNT + 4):
        announce(events.TODO_CREATED, user_id=user_id, todos=[{"title": "x"}], count=1)
    eventually(lambda: ledger._messages.count_documents({"user_id": user_id}) == AMOUNT + 5)
    announce(events.USER_DELETED, user_id=user_id)
    eventually(lambda: ledger._messages.count_documents({"user_id": user_id}) == 0)
    eventlet.sleep(SECONDS + 1.5)
    assert mailcatcher.mails(recipient, "messages from Todos") == []


def test_several_instances_make_one_digest(
    config: dict[str, Any], admin: Any, mailcatcher: MailCatcher, run: Run
) -> None:
    for _ in range(2):
        run(MessagingService, config)
    recipients = [f"{uuid.uuid4()}@example.com" for _ in range(6)]
    ids = [one for recipient in recipients for one in publish(admin, recipient, *numbered(AMOUNT + 4))]
    settled(admin, ids, seconds=40)
    for recipient in recipients:
        assert [told(mailcatcher, recipient, title) for title in numbered(AMOUNT + 4)] == [1] * (AMOUNT + 4)
        assert len(mailcatcher.mails(recipient)) == AMOUNT + 1


class Died(Exception):
    """The process ends here."""


def dying(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *methods: str) -> Waiting:
    """What waits, in the hands of an instance that dies when it comes to one of these steps."""
    waiting = Waiting(ledger._storage, ledger._messages, Windows(ledger._messages.database.windows, None))

    def die(*_: Any, **__: Any) -> None:
        raise Died

    for method in methods:
        monkeypatch.setattr(waiting, method, die)
    return waiting


@pytest.mark.usefixtures("quick_lease")
@pytest.mark.parametrize("step", ["_change", "_complete", "_hand_out"])
def test_whoever_dies_while_a_digest_is_made_loses_nothing(
    ledger: Ledger, admin: Any, mailcatcher: MailCatcher, recipient: str, monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:  # fmt: skip
    ids, key = held(ledger, recipient, 4), str(uuid.uuid4())
    found = list(ledger._messages.find({"_id": {"$in": ids}}))
    with pytest.raises(Died):
        dying(ledger, monkeypatch, step)._gather(key, found)
    if step == "_change":
        # Nothing was marked: the digest is dropped, and all is held as it was.
        eventually(lambda: ledger._messages.find_one({"_id": key}) is None)
        ledger._messages.update_many({"_id": {"$in": ids}}, {"$set": {"due_at": clock.now()}})
    settled(admin, ids)
    assert [told(mailcatcher, recipient, title) for title in numbered(4)] == [1] * 4
    assert len(mailcatcher.mails(recipient)) == 1


@pytest.mark.usefixtures("quick_lease")
def test_whoever_dies_after_a_digest_left_leaves_nothing_to_be_sent_again(
    ledger: Ledger, admin: Any, mailcatcher: MailCatcher, recipient: str
) -> None:
    ids, key = held(ledger, recipient, 4), str(uuid.uuid4())
    waiting = dying(ledger, pytest.MonkeyPatch())
    waiting._gather(key, list(ledger._messages.find({"_id": {"$in": ids}})))
    # As if the last step had not been made.
    again = {"$set": {"due_at": clock.now(), "held_until": clock.now(), "status": "queued"}}
    ledger._messages.update_many({"_id": {"$in": ids}}, again)
    settled(admin, ids)
    eventually(lambda: ledger._messages.count_documents({"_id": {"$in": ids}, "due_at": {"$exists": 1}}) == 0)
    assert len(mailcatcher.mails(recipient)) == 1


@pytest.mark.parametrize("digest", ["never was", "does not list it"])
def test_what_was_marked_for_a_digest_that_has_not_got_it_is_held_again(
    ledger: Ledger, admin: Any, mailcatcher: MailCatcher, recipient: str, digest: str
) -> None:
    key = str(uuid.uuid4())
    if digest == "does not list it":
        others = held(ledger, recipient, 2)
        dying(ledger, pytest.MonkeyPatch())._gather(
            key, list(ledger._messages.find({"_id": {"$in": others}}))
        )
        settled(admin, others)
    ids = held(ledger, f"late-{recipient}", 2, gathered_into=key, due_at=clock.now())
    settled(admin, ids)
    assert [told(mailcatcher, f"late-{recipient}", title) for title in numbered(2)] == [1, 1]


def test_a_digest_that_can_not_be_sent_is_dead_with_what_it_gathered(
    ledger: Ledger, admin: Any, mailcatcher: MailCatcher, recipient: str
) -> None:
    mailcatcher.faults(permanent_recipients=[recipient])
    try:
        ids = held(ledger, recipient, 2, due_at=clock.now())
        eventually(lambda: set(statuses(admin, ids)) == {"dead"})
    finally:
        mailcatcher.faults()
    assert admin.get(message_id=admin.get(message_id=ids[0])["gathered_into"])["status"] == "dead"


def test_a_full_window_names_the_time_of_the_next_place_and_a_key_has_one_place(ledger: Ledger) -> None:
    window = Windows(ledger._messages.database.windows, limits.parse("10 per 2 seconds"))
    address, keys = f"{uuid.uuid4()}@example.com", [str(number) for number in range(30)]
    begun = clock.now()
    found = dict(
        zip(keys, eventlet.GreenPool(30).imap(lambda key: window.take(address, key), keys), strict=True)
    )
    got = [key for key, until in found.items() if until is None]
    assert len(got) == 10
    assert [window.take(address, key) for key in got] == [None] * 10
    full = [until for until in found.values() if until]
    assert all(begun + timedelta(seconds=2) <= until <= clock.now() + timedelta(seconds=2) for until in full)
    window.give_back(address, got[0])
    assert window.take(address, "another") is None
    assert window.take(address, "more") is not None
    eventlet.sleep(2.1)
    assert window.take(address, "more") is None
