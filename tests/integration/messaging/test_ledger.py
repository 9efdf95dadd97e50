"""One fact makes one message, whatever comes twice, late or out of order."""

import uuid
from datetime import timedelta
from typing import Any

import eventlet
import pytest

from common import clock, events, topology
from common.errors import Forbidden, NotFound, ValidationFailed
from services.messaging.domain import Contact, Mail
from services.messaging.storage import Ledger
from tests.integration.databases import Heard
from tests.integration.messaging.conftest import Announcer
from tests.integration.running import Running, Somebody, Wire, eventually

ALERT = {
    "template": "system_alert",
    "recipient": "ada@example.com",
    "context": {"title": "x", "message": "y"},
}


def new_id() -> str:
    return str(uuid.uuid4())


def of(ledger: Ledger, user_id: str) -> list[dict[str, Any]]:
    return list(ledger._messages.find({"user_id": user_id}).sort("created_at"))


def registered(announce: Announcer, user_id: str, version: int = 1, email: str = "") -> dict[str, Any]:
    return announce(
        events.USER_REGISTERED, user_id=user_id, email=email or f"{user_id}@example.com", name="Ada",
        user_version=version, verification_token="v" * 43,
    )  # fmt: skip


def entered(ledger: Ledger) -> str:
    """A message in the ledger; its id."""
    mail = Mail(new_id(), "system_alert", "ada@example.com", {"title": "x", "message": "y"})
    assert ledger.add(mail)
    return mail.message_id


def outcome(
    message_id: str, kind: str, attempt: int = 1, final: bool = False, later: int = 0
) -> dict[str, Any]:
    """An event of the notification service, announced ``later`` seconds from now."""
    if kind == "sent":
        event = events.NOTIFICATION_SENT.make("r", message_id=message_id, attempt=attempt)
    else:
        event = events.NOTIFICATION_FAILED.make(
            "r", message_id=message_id, attempt=attempt, reason="smtp_timeout", detail="too slow", final=final
        )
    return event | {"occurred_at": clock.to_text(clock.now() + timedelta(seconds=later))}


def record(ledger: Ledger, event: dict[str, Any]) -> str:
    if "reason" in event:
        ledger.record_failed(event)
    else:
        ledger.record_sent([event])
    return str(ledger.get(event["message_id"])["status"])


def test_an_event_seen_twice_makes_one_message_and_one_request(
    announce: Announcer, ledger: Ledger, wire: Wire
) -> None:
    user_id, heard = new_id(), Heard(wire, "messaging")
    event = registered(announce, user_id)
    for _ in range(4):
        announce.again(events.USER_REGISTERED, event)
    [message] = eventually(lambda: of(ledger, user_id))
    queue = topology.event_queue(events.USER_REGISTERED, "messaging").name
    eventually(lambda: wire.count(queue) == 0)
    eventlet.sleep(0.2)
    assert len(of(ledger, user_id)) == 1
    assert (message["status"], message["template"]) == ("queued", "welcome")
    [(name, asked)] = eventually(lambda: heard.events(message_id=message["_id"]))
    assert name == "notification_requested"
    assert asked["recipient"] == f"{user_id}@example.com"
    assert asked["context"]["verification_token"] == "v" * 43


def test_two_events_of_one_kind_are_two_messages(announce: Announcer, ledger: Ledger) -> None:
    user_id = new_id()
    registered(announce, user_id)
    eventually(lambda: of(ledger, user_id))
    for _ in range(2):
        announce(events.TODO_CREATED, user_id=user_id, todos=[{"title": "Buy milk"}], count=1)
    eventually(lambda: [one["template"] for one in of(ledger, user_id)] == ["welcome", *["todo_created"] * 2])


def test_the_outcome_reaches_the_message(announce: Announcer, admin: Any) -> None:
    message_id = admin.publish(data=ALERT)["id"]
    announce(
        events.NOTIFICATION_FAILED, message_id=message_id, attempt=1, reason="smtp_timeout",
        detail="too slow", final=False,
    )  # fmt: skip
    eventually(lambda: admin.get(message_id=message_id)["status"] == "retrying")
    announce(events.NOTIFICATION_SENT, message_id=message_id, attempt=2)
    found = eventually(lambda: (one := admin.get(message_id=message_id))["status"] == "sent" and one)
    assert [(one["outcome"], one["attempt"]) for one in found["attempts"]] == [("failed", 1), ("sent", 2)]
    assert found["attempts"][0]["reason"] == "smtp_timeout"


def test_an_outcome_told_twice_is_one_attempt(ledger: Ledger) -> None:
    event = outcome(entered(ledger), "failed")
    assert [record(ledger, event) for _ in range(3)] == ["retrying"] * 3
    assert len(ledger.get(event["message_id"])["attempts"]) == 1


def test_what_is_sent_stays_sent(ledger: Ledger) -> None:
    message_id = entered(ledger)
    assert record(ledger, outcome(message_id, "sent", 2, later=2)) == "sent"
    assert record(ledger, outcome(message_id, "failed", 1)) == "sent"
    assert record(ledger, outcome(message_id, "failed", 3, final=True, later=3)) == "sent"
    assert len(ledger.get(message_id)["attempts"]) == 3


def test_a_failure_that_comes_late_does_not_bring_a_dead_message_back(ledger: Ledger) -> None:
    message_id = entered(ledger)
    assert record(ledger, outcome(message_id, "failed", 2, final=True, later=5)) == "dead"
    assert record(ledger, outcome(message_id, "failed", 1)) == "dead"


def test_a_dead_message_that_is_tried_again_is_alive_again(ledger: Ledger) -> None:
    message_id = entered(ledger)
    assert record(ledger, outcome(message_id, "failed", 5, final=True)) == "dead"
    assert record(ledger, outcome(message_id, "failed", 1, later=5)) == "retrying"
    assert record(ledger, outcome(message_id, "sent", 2, later=6)) == "sent"


def test_an_outcome_of_a_message_that_is_not_there_is_nothing(ledger: Ledger) -> None:
    event = outcome(new_id(), "sent")
    with pytest.raises(NotFound):
        record(ledger, event)


def test_of_two_contacts_the_newer_one_stays_in_whichever_order_they_come(ledger: Ledger) -> None:
    for order in ((1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 2, 3)):
        user_id = new_id()
        for version in order:
            ledger.keep_contact(Contact(user_id, f"v{version}@example.com", "Ada", version))
        assert ledger.contact(user_id) == Contact(user_id, "v3@example.com", "Ada", 3)


def test_contacts_that_come_at_once_leave_the_newest(ledger: Ledger) -> None:
    user_id = new_id()
    contacts = [Contact(user_id, f"v{version}@example.com", "Ada", version) for version in range(1, 21)]
    for _ in eventlet.GreenPool(20).imap(ledger.keep_contact, contacts[::-1]):
        pass
    assert ledger.contact(user_id).user_version == 20


def test_a_deleted_user_is_forgotten_with_all_messages(announce: Announcer, ledger: Ledger) -> None:
    user_id = new_id()
    registered(announce, user_id)
    eventually(lambda: of(ledger, user_id))
    announce(events.USER_DELETED, user_id=user_id)
    eventually(lambda: ledger.contact(user_id) is None)  # it goes last
    assert of(ledger, user_id) == []
    assert user_id not in repr(list(ledger._messages.find({"user_id": user_id})))


def test_the_same_key_with_the_same_content_is_the_same_message(admin: Any) -> None:
    data = {**ALERT, "idempotency_key": new_id()}
    first = admin.publish(data=data)
    turned = {**data, "context": dict(reversed(data["context"].items()))}
    assert admin.publish(data=data) == admin.publish(data=turned) == first
    assert first["status"] == "queued"


def test_the_same_key_with_another_content_is_refused(admin: Any) -> None:
    data = {**ALERT, "idempotency_key": new_id()}
    admin.publish(data=data)
    for change in ({"recipient": "bob@example.com"}, {"template": "welcome"}, {"context": {"title": "z"}}):
        with pytest.raises(ValidationFailed) as caught:
            admin.publish(data=data | change)
        assert caught.value.code == "idempotency_key_reused"


def test_the_key_of_one_administrator_is_not_anothers(config: dict[str, Any], admin: Any) -> None:
    other = Somebody(config, role="admin")
    data = {**ALERT, "idempotency_key": "the-first-key"}
    assert admin.publish(data=data)["id"] != other.call.messaging.publish(data=data)["id"]
    other.stop()


def test_without_a_key_each_call_is_a_message(admin: Any) -> None:
    assert admin.publish(data=ALERT)["id"] != admin.publish(data=ALERT)["id"]


def test_one_key_used_at_once_makes_one_message(messaging: Running, ledger: Ledger) -> None:
    mail = Mail(new_id(), "system_alert", "ada@example.com", {"title": "x", "message": "y"})
    found = list(eventlet.GreenPool(10).imap(ledger.add_once, [mail] * 10))
    assert found == ["queued"] * 10
    assert ledger._messages.count_documents({"_id": mail.message_id}) == 1


def test_only_an_administrator_publishes_and_reads(config: dict[str, Any], messaging: Running) -> None:
    somebody = Somebody(config)
    for ask in (
        lambda: somebody.call.messaging.publish(data=ALERT),
        lambda: somebody.call.messaging.list(query={}),
        lambda: somebody.call.messaging.get(message_id="x"),
        somebody.call.messaging.queues,
    ):
        with pytest.raises(Forbidden):
            ask()
    somebody.stop()


def test_what_is_wrong_with_a_message_is_told_by_field(admin: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        admin.publish(data={"template": "spam", "recipient": "x", "colour": "red"})
    assert set(caught.value.details) == {"template", "recipient", "context", "colour"}
    with pytest.raises(ValidationFailed):
        admin.publish(data={**ALERT, "context": {"deep": _deep(150)}})


def _deep(levels: int) -> Any:
    return {"a": _deep(levels - 1)} if levels else 1


def test_messages_come_in_pages_newest_first(admin: Any) -> None:
    recipient = f"{new_id()}@example.com"
    made = [admin.publish(data={**ALERT, "recipient": recipient})["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        query = {"recipient": recipient, "limit": "2", "count": "true"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = admin.list(query=query)
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        assert page["total"] == 5
        if not cursor:
            break
    assert sorted(seen) == sorted(made)
    assert len(set(seen)) == 5
    for wrong in ("x", "WyI5OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5IiwieCJd", "WyJ4IiwieSJd", "WzEsMl0"):
        with pytest.raises(ValidationFailed):
            admin.list(query={"cursor": wrong})


def test_a_message_that_is_not_there_is_not_found(admin: Any) -> None:
    for message_id in (new_id(), "", "x", None, 5, {"$ne": 1}):
        with pytest.raises(NotFound):
            admin.get(message_id=message_id)


def test_the_queues_are_shown_with_their_consumers(admin: Any) -> None:
    queues = {one["name"]: one for one in admin.queues()}
    assert queues["rpc-messaging"]["consumers"] == 1
    assert queues[topology.DEAD_LETTERS]["consumers"] == 1
    assert queues[topology.event_queue(events.USER_REGISTERED, "messaging").name]["consumers"] == 1
