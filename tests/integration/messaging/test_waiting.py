"""A message for later leaves at its time, once, whoever tries and whoever dies; or it is cancelled."""

import uuid
from collections import Counter
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest

from common import clock
from common.errors import Conflict, NotFound, ValidationFailed
from ops.engines.mailcatcher import MailCatcher
from services.messaging import domain
from services.messaging.domain import Mail
from services.messaging.holding import Waiting
from services.messaging.service import MessagingService
from services.messaging.storage import Ledger
from services.messaging.windows import Windows
from services.notifications.service import NotificationsService
from tests.integration.conftest import Run
from tests.integration.databases import Heard
from tests.integration.running import Running, Wire, eventually

ALERT = {"template": "system_alert", "context": {"title": "x", "message": "y"}}


def new_id() -> str:
    return str(uuid.uuid4())


def entered(ledger: Ledger, seconds: float, template: str = "system_alert") -> str:
    """A message in the ledger, to be delivered that many seconds from now; its id."""
    due = clock.now() + timedelta(seconds=seconds)
    mail = Mail(new_id(), template, "ada@example.com", {"title": "x", "message": "y"}, deliver_at=due)
    assert ledger.add(mail)
    return mail.message_id


def waiting(ledger: Ledger) -> Waiting:
    """What an instance that dies before it has published anything leaves behind."""
    windows = Windows(ledger._messages.database.windows, None)
    return Waiting(SimpleNamespace(announce=lambda _: None), ledger._messages, windows)


def asked(heard: Heard) -> Counter[str]:
    """How often each message was asked for."""
    return Counter(event["message_id"] for _, event in heard.events())


def test_a_message_for_later_waits_and_leaves_within_a_second_of_its_time(
    admin: Any, ledger: Ledger, wire: Wire
) -> None:
    heard, due = Heard(wire, "messaging"), clock.now() + timedelta(seconds=1.5)
    data = {**ALERT, "recipient": "ada@example.com", "deliver_at": clock.to_text(due)}
    message_id = admin.publish(data=data)["id"]
    shown = admin.get(message_id=message_id)
    assert (shown["status"], shown["deliver_at"]) == ("queued", clock.to_text(due))
    [(name, event)] = eventually(lambda: heard.events(message_id=message_id))
    left = datetime.fromisoformat(event["occurred_at"])
    assert timedelta(0) <= left - due < timedelta(seconds=1)
    assert clock.now() - due < timedelta(seconds=1.5)
    assert name == "notification_requested"
    assert "due_at" not in ledger.get(message_id)


def test_a_time_that_has_passed_is_now(admin: Any, ledger: Ledger) -> None:
    data = {**ALERT, "recipient": "ada@example.com", "deliver_at": "2020-01-01T00:00:00Z"}
    message_id = admin.publish(data=data)["id"]
    assert "due_at" not in ledger.get(message_id)
    assert admin.get(message_id=message_id)["deliver_at"] == "2020-01-01T00:00:00.000Z"


def test_the_same_key_with_another_time_is_another_message(admin: Any) -> None:
    data = {**ALERT, "recipient": "ada@example.com", "idempotency_key": new_id()}
    later = {**data, "deliver_at": clock.to_text(clock.now() + timedelta(days=1))}
    first = admin.publish(data=later)
    assert admin.publish(data=later) == first
    with pytest.raises(ValidationFailed, match="idempotency_key_reused"):
        admin.publish(data=data)
    admin.cancel(message_id=first["id"])


def test_the_same_key_gives_the_first_answer_again_whatever_became_of_it(admin: Any) -> None:
    data = {**ALERT, "recipient": "ada@example.com", "idempotency_key": new_id()}
    data["deliver_at"] = clock.to_text(clock.now() + timedelta(days=1))
    first = admin.publish(data=data)
    admin.cancel(message_id=first["id"])
    assert admin.publish(data=data) == first
    assert admin.get(message_id=first["id"])["status"] == "cancelled"


def test_the_key_may_come_beside_the_body_and_must_be_the_same_then(admin: Any) -> None:
    data, key = {**ALERT, "recipient": "ada@example.com"}, new_id()
    first = admin.publish(data=data, idempotency_key=key)
    assert admin.publish(data={**data, "idempotency_key": key}, idempotency_key=key) == first
    assert admin.publish(data={**data, "idempotency_key": key}) == first
    for wrong in (new_id(), "", "x" * 201, "\x07"):
        with pytest.raises(ValidationFailed) as caught:
            admin.publish(data={**data, "idempotency_key": key}, idempotency_key=wrong)
        assert list(caught.value.details) == ["idempotency_key"]


def test_several_instances_side_by_side_hand_each_message_out_once(
    config: dict[str, Any], ledger: Ledger, wire: Wire, run: Run
) -> None:
    for _ in range(2):
        run(MessagingService, config)
    heard = Heard(wire, "messaging")
    ids = [entered(ledger, 1.0, "welcome_back") for _ in range(250)]
    eventually(lambda: set(asked(heard)) >= set(ids), seconds=20)
    eventlet.sleep(1.5)
    assert {asked(heard)[one] for one in ids} == {1}


def test_what_an_instance_handed_out_and_could_not_publish_another_publishes(
    ledger: Ledger, wire: Wire
) -> None:
    heard, message_id = Heard(wire, "messaging"), entered(ledger, 60)
    assert waiting(ledger)._hand_out(ledger._messages.find_one({"_id": message_id}))
    eventlet.sleep(2)
    assert heard.events(message_id=message_id) == []
    eventually(lambda: heard.events(message_id=message_id), seconds=15)
    eventlet.sleep(1)
    assert asked(heard)[message_id] == 1


def test_a_message_that_waits_can_be_cancelled_and_never_leaves(admin: Any, wire: Wire) -> None:
    heard, due = Heard(wire, "messaging"), clock.now() + timedelta(seconds=1)
    data = {**ALERT, "recipient": "ada@example.com", "deliver_at": clock.to_text(due)}
    message_id = admin.publish(data=data)["id"]
    for _ in range(2):
        assert admin.cancel(message_id=message_id) is None
        assert admin.get(message_id=message_id)["status"] == "cancelled"
    eventlet.sleep(2.2)
    assert heard.events(message_id=message_id) == []
    assert message_id in [one["id"] for one in admin.list(query={"status": "cancelled"})["items"]]


def test_of_a_cancellation_and_the_clock_one_wins(ledger: Ledger, wire: Wire) -> None:
    heard, dead = Heard(wire, "messaging"), waiting(ledger)
    ids = [entered(ledger, 60) for _ in range(60)]
    found = list(ledger._messages.find({"_id": {"$in": ids}}))
    pool = eventlet.GreenPool(40)
    left, stopped = {}, {}
    for number, one in enumerate(found):
        tries = [(left, dead._hand_out, one), (stopped, ledger.cancel_waiting, one["_id"])]
        for threads, attempt, argument in tries[:: 1 if number % 2 else -1]:
            threads[one["_id"]] = pool.spawn(attempt, argument)
    outcomes = [(left[one].wait(), stopped[one].wait()) for one in left]
    assert all(handed_out is not cancelled for handed_out, cancelled in outcomes)
    told = {one["_id"]: one["status"] for one in ledger._messages.find({"_id": {"$in": ids}})}
    assert [told[one] == domain.CANCELLED for one in left] == [cancelled for _, cancelled in outcomes]
    gone = {one for one, (handed_out, _) in zip(left, outcomes, strict=True) if handed_out}
    eventually(lambda: set(asked(heard)) == gone, seconds=15)


@pytest.mark.parametrize("message_id", [new_id(), "x", None, {"$ne": 1}])
def test_what_is_not_there_can_not_be_cancelled(admin: Any, message_id: Any) -> None:
    with pytest.raises(NotFound):
        admin.cancel(message_id=message_id)


def test_what_is_dead_or_in_a_digest_can_not_be_cancelled() -> None:
    for message in (
        {"status": domain.SENT}, {"status": domain.DEAD},
        {"status": domain.QUEUED, "gathered_into": "d"},
    ):  # fmt: skip
        with pytest.raises(Conflict):
            domain.refuse_to_cancel(message)
    domain.refuse_to_cancel({"status": domain.RETRYING})


@pytest.fixture
def notifications(config: dict[str, Any], mailcatcher: MailCatcher, run: Run) -> Running:
    mail = {"host": "127.0.0.1", "port": str(mailcatcher.port), "tls": "none"}
    retry = {**config["RETRY"], "max_attempts": 10}
    return run(NotificationsService, {**config, "MAIL": {**config["MAIL"], **mail}, "RETRY": retry})


def test_a_mail_between_two_attempts_can_be_cancelled(
    notifications: Running, admin: Any, mailcatcher: MailCatcher
) -> None:
    recipient = f"{new_id()}@example.com"
    mailcatcher.faults(temporary_recipients=[recipient])
    try:
        message_id = admin.publish(data={**ALERT, "recipient": recipient})["id"]
        eventually(lambda: admin.get(message_id=message_id)["status"] == "retrying")
        # Between two attempts; while one is being made the answer is a conflict.
        eventually(lambda: _is_cancelled(admin, message_id))
    finally:
        mailcatcher.faults()
    assert admin.get(message_id=message_id)["status"] == "cancelled"
    eventlet.sleep(2.5)
    assert mailcatcher.mails(recipient) == []
    assert admin.get(message_id=message_id)["status"] == "cancelled"


def _is_cancelled(admin: Any, message_id: str) -> bool:
    try:
        admin.cancel(message_id=message_id)
    except Conflict:
        return False
    return True


def test_what_is_being_sent_or_sent_can_not_be_cancelled(
    notifications: Running, admin: Any, mailcatcher: MailCatcher
) -> None:
    recipient = f"{new_id()}@example.com"
    mailcatcher.faults(delay_seconds=1)
    try:
        message_id = admin.publish(data={**ALERT, "recipient": recipient})["id"]
        log = notifications.inject("deliveries", request_id="r")
        eventually(lambda: log.status(message_id) == "claimed")
        with pytest.raises(Conflict, match="message_being_sent"):
            admin.cancel(message_id=message_id)
    finally:
        mailcatcher.faults()
    mailcatcher.wait_for_mail(recipient)
    eventually(lambda: log.status(message_id) == "sent")
    with pytest.raises(Conflict, match="message_sent"):
        admin.cancel(message_id=message_id)
    eventually(lambda: admin.get(message_id=message_id)["status"] == "sent")
