"""Many events at once in the ledger: each enters once, whatever comes twice, fails or dies in between."""

import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import eventlet
import pytest
from pymongo import MongoClient

from common import events, group_commit, mongo
from common.errors import Unavailable
from common.group_commit import GroupCommit, Insert, Late, Update
from common.mongo import AlreadyThere
from services.messaging import domain
from services.messaging.domain import Contact, Mail
from services.messaging.service import MessagingService
from services.messaging.storage import Ledger
from tests.integration.databases import Commands, Heard
from tests.integration.messaging.conftest import Announcer
from tests.integration.running import Running, Wire, eventually


def mails(count: int) -> list[tuple[Mail, str]]:
    context = {"title": "x", "message": "y"}
    return [
        (Mail(str(uuid.uuid4()), "system_alert", "ada@example.com", context), f"r-{number}")
        for number in range(count)
    ]


def requests(heard: Heard) -> list[str]:
    return [event["message_id"] for name, event in heard.events() if name == "notification_requested"]


def known_user(ledger: Ledger) -> str:
    user_id = str(uuid.uuid4())
    ledger.keep_contact(Contact(user_id, "ada@example.com", "Ada", 1))
    return user_id


def login(user_id: str) -> dict[str, Any]:
    about = {"session_id": "s", "ip": "127.0.0.1", "user_agent": "x", "new_device": False}
    return events.USER_LOGGED_IN.make("r", user_id=user_id, **about)


def test_many_are_entered_in_one_go_each_with_its_event_and_its_request(ledger: Ledger, wire: Wire) -> None:
    heard, many = Heard(wire, "messaging"), mails(150)
    assert ledger.add_many(many) == 150
    eventually(lambda: len(requests(heard)) == 150)
    assert set(requests(heard)) == {mail.message_id for mail, _ in many}
    assert {event["message_id"]: event["request_id"] for _, event in heard.events()} == {
        mail.message_id: request_id for mail, request_id in many
    }
    ids = [mail.message_id for mail, _ in many]
    left = {"_id": {"$in": ids}, "outbox_at": {"$exists": True}}
    eventually(lambda: ledger._messages.count_documents(left) == 0)
    assert ledger._messages.count_documents({"_id": {"$in": ids}, "outbox": {"$exists": True}}) == 0


def test_one_that_comes_twice_in_a_batch_or_was_there_before_is_entered_once(
    ledger: Ledger, wire: Wire
) -> None:
    heard, (before, one, two) = Heard(wire, "messaging"), mails(3)
    assert ledger.add_many([before]) == 1
    assert ledger.add_many([before, one, one, two, one]) == 2
    assert ledger.add_many([one, two]) == 0
    assert ledger.add_many([]) == 0
    wanted = {mail.message_id for mail, _ in (before, one, two)}
    eventually(lambda: set(requests(heard)) >= wanted)
    eventlet.sleep(0.3)
    assert sorted(requests(heard)) == sorted(wanted)


def test_a_batch_whose_process_died_before_the_acknowledgement_comes_again_and_makes_nothing_twice(
    ledger: Ledger, messaging: Running, announce: Announcer, wire: Wire
) -> None:
    heard, told = Heard(wire, "messaging"), [login(known_user(ledger)) for _ in range(20)]
    service = _service(messaging)
    assert service.tell_together(events.USER_LOGGED_IN, told) == []
    for event in told:  # as the broker does with what was not acknowledged
        announce.again(events.USER_LOGGED_IN, event)
    wanted = {domain.message_id(f"{event['event_id']}:welcome_back") for event in told}
    eventually(lambda: set(requests(heard)) >= wanted)
    eventually(lambda: wire.count("evt-users-user_logged_in--messaging.handle_user_logged_in") == 0)
    eventlet.sleep(0.3)
    assert sorted(requests(heard)) == sorted(wanted)


def test_a_batch_whose_process_died_before_it_published_is_published_by_another(
    ledger: Ledger, messaging: Running, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_TAKEOVER_SECONDS", 0.5)
    monkeypatch.setattr(ledger._storage, "announce", lambda *_: None)
    heard, many = Heard(wire, "messaging"), mails(30)
    assert ledger.add_many(many) == 30
    eventually(lambda: sorted(requests(heard)) == sorted(mail.message_id for mail, _ in many), 5)


def test_who_is_not_known_is_left_and_the_others_are_told(ledger: Ledger, messaging: Running) -> None:
    stranger, known = login(str(uuid.uuid4())), login(known_user(ledger))
    assert _service(messaging).tell_together(events.USER_LOGGED_IN, [stranger, known]) == [stranger]
    assert ledger.get(domain.message_id(f"{known['event_id']}:welcome_back"))["status"] == domain.QUEUED


def test_many_outcomes_are_noted_once_each(ledger: Ledger) -> None:
    many = mails(20)
    ledger.add_many(many)
    sent = [events.NOTIFICATION_SENT.make("r", message_id=mail.message_id, attempt=1) for mail, _ in many]
    gone = events.NOTIFICATION_SENT.make("r", message_id=str(uuid.uuid4()), attempt=1)
    ledger.record_sent([*sent, gone, *sent])
    ledger.record_sent(sent)
    for mail, _ in many:
        message = ledger.get(mail.message_id)
        assert (message["status"], len(message["attempts"])) == (domain.SENT, 1)


@pytest.fixture
def group(messaging: Running) -> Iterator[GroupCommit]:
    collection = messaging.provider("ledger").db.grouped
    yield GroupCommit(collection)
    collection.drop()


def upsert(key: int, free: bool = False) -> Update:
    return Update({"_id": key, "free": True}, {"$set": {"free": free}}, upsert=True)


def test_each_of_a_group_learns_what_became_of_its_own_write(group: GroupCommit) -> None:
    group.write(upsert(1))
    group.write(upsert(2, free=True))

    def outcome(key: int) -> Any:
        try:
            return group.write(upsert(key))
        except AlreadyThere:
            return "taken"

    keys = [1, 2, 3, 3, 3, *range(10, 250)]
    found = list(eventlet.GreenPool(300).imap(outcome, keys))
    assert (found[0], found[1]) == ("taken", False)
    assert sorted(map(str, found[2:5])) == ["True", "taken", "taken"]
    assert found[5:] == [True] * 240


def test_one_that_can_not_be_written_fails_and_the_others_of_its_group_do_not(group: GroupCommit) -> None:
    wrong = Update({"_id": 1}, {"$set": {"a": 1}, "$unset": {"a": ""}})
    first, second, third = [eventlet.spawn(group.write, one) for one in (upsert(6), wrong, upsert(7))]
    with pytest.raises(Unavailable):
        second.wait()
    assert (first.wait(), third.wait(), group.write(upsert(8))) == (True, True, True)


def test_a_change_that_can_not_be_encoded_fails_alone(group: GroupCommit) -> None:
    group.write(Insert({"_id": 1}))
    wrong = Update({"_id": 3}, {"$set": {"a": "\ud800"}}, upsert=True)
    changes = [Insert({"_id": 2}), Insert({"_id": 1}), wrong, upsert(4), Insert({"_id": "\ud800"}), upsert(5)]
    first, taken, second, third, fourth, fifth = [eventlet.spawn(group.write, one) for one in changes]
    for one in (second, fourth):
        with pytest.raises(UnicodeEncodeError):
            one.wait()
    with pytest.raises(AlreadyThere):
        taken.wait()
    assert (first.wait(), third.wait(), fifth.wait()) == (False, True, True)
    assert sorted(one["_id"] for one in group._collection.find()) == [1, 2, 4, 5]


def test_a_change_that_tells_the_time_is_put_together_when_it_is_made(group: GroupCommit) -> None:
    began = time.monotonic()

    def change(key: int) -> Update:
        return Update({"_id": key}, {"$set": {"waited": time.monotonic() - began}}, upsert=True)

    with group.expecting(), group.expecting(), group.expecting(), group.expecting():
        late = [eventlet.spawn(group.write, Late(partial(change, key))) for key in (1, 2)]
        assert [one.wait() for one in late] == [True, True]
    waited = [one["waited"] for one in group._collection.find()]
    assert all(one >= group_commit._PATIENCE_SECONDS / 2 for one in waited)


def test_a_group_whose_server_is_away_fails_for_each_and_the_next_does_not(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MongoClient("127.0.0.1:1", serverSelectionTimeoutMS=100) as nowhere:
        monkeypatch.setattr(group, "_collection", nowhere.x.y)
        for one in [eventlet.spawn(group.write, upsert(key)) for key in (1, 2)]:
            with pytest.raises(Unavailable):
                one.wait()
    monkeypatch.undo()
    assert group.write(upsert(1)) is True


def test_those_that_begin_together_share_a_command_for_each_of_their_steps(messaging: Running) -> None:
    commands, ledger = Commands(), messaging.provider("ledger")
    uri = ledger.container.config["MONGODB_URI"]
    with MongoClient[Any](uri, event_listeners=[commands]) as client:
        group = GroupCommit(client[ledger.db.name].grouped)

        def two_steps(key: int) -> bool:
            with group.expecting():
                is_new = group.write(upsert(key))
                eventlet.sleep(0.002 * (key % 3))
                return is_new and not group.write(Update({"_id": key}, {"$set": {"done": True}}))

        try:
            assert all(eventlet.GreenPool(12).imap(two_steps, range(12)))
        finally:
            ledger.db.grouped.drop()
    # On a busy machine one may come too late for the others.
    assert 2 <= commands.names.count("update") <= 6


def test_a_write_waits_for_who_is_expected_and_no_longer(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_PATIENCE_SECONDS", 60)
    with eventlet.Timeout(10), group.expecting():
        assert group.write(upsert(1)) is True
        with group.expecting():
            waiting = eventlet.spawn(group.write, upsert(2))
            eventlet.sleep(0.1)
            assert not waiting.dead
        assert waiting.wait() is True
    monkeypatch.setattr(group_commit, "_PATIENCE_SECONDS", 0.05)
    with eventlet.Timeout(10), group.expecting(), group.expecting():
        assert group.write(upsert(3)) is True


def _service(messaging: Running) -> MessagingService:
    service = MessagingService()
    service.ledger = messaging.inject("ledger", request_id="r-1")
    return service
