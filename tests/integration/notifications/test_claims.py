"""Claims on mails: how long they hold, and who may say what has become of a mail."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import eventlet
import pytest
from pymongo import MongoClient

from common import clock, group_commit
from common.errors import Unavailable
from common.failures import Postponed
from common.group_commit import GroupCommit
from common.mongo import Document
from services.notifications import domain
from services.notifications.claims import Claim
from services.notifications.storage import DeliveryLog
from tests.integration.databases import Commands
from tests.integration.link import Link
from tests.integration.running import eventually


class Log(DeliveryLog):
    """A delivery log whose events nobody publishes, in a collection of its own."""

    def __init__(self, client: MongoClient[Document], name: str) -> None:
        self.deliveries = client["notifications_claims"][name]
        self.group = GroupCommit(self.deliveries)
        self.announced: list[tuple[str, int]] = []
        super().__init__(self, "r-1")

    def announce(self, identifier: str, *entries: Document) -> None:
        """Remember it."""
        self.announced.append((identifier, len(entries)))

    def events(self, message_id: str) -> list[str]:
        """The names of the events in a mail's document."""
        return [event["name"] for event in self.document(message_id).get("outbox", [])]

    def document(self, message_id: str) -> Document:
        """What is known of a mail."""
        found = self.deliveries.find_one({"_id": message_id})
        assert found
        return found

    def lapse(self, message_id: str) -> None:
        """Let the time of a claim be over."""
        over = {"$set": {"lease_until": clock.now() - timedelta(milliseconds=1)}}
        self.deliveries.update_one({"_id": message_id, "status": domain.CLAIMED}, over)


@pytest.fixture
def link(mongo_uri: str) -> Iterator[Link]:
    one = Link(mongo_uri)
    yield one
    one.cut()


@pytest.fixture
def far(link: Link) -> Iterator[Log]:
    """The log for who calls the server over the link."""
    with _client(link.uri) as client:
        yield Log(client, uuid.uuid4().hex)


@pytest.fixture
def log(mongo_uri: str, far: Log) -> Iterator[Log]:
    """The same log for others."""
    with _client(mongo_uri) as client:
        yield (one := Log(client, far.deliveries.name))
        one.deliveries.drop()


def _client(uri: str) -> MongoClient[Document]:
    return MongoClient(uri, directConnection=True, tz_aware=True, serverSelectionTimeoutMS=200)


def claimed(log: Log, message_id: str) -> Claim:
    claim = log.claim(message_id, "welcome")
    assert claim
    return claim


def fail(claim: Claim) -> None:
    claim.failed(1, "smtp_timeout", "too slow", False)


def taken_over(log: Log, message_id: str) -> tuple[Claim, Claim]:
    """Of whom the claim was, and whose it is."""
    first = claimed(log, message_id)
    log.lapse(message_id)
    return first, claimed(log, message_id)


def test_a_claim_whose_holder_died_is_free_when_its_time_is_over(log: Log) -> None:
    taken_over(log, "m")
    with pytest.raises(Postponed):
        log.claim("m", "welcome")


def test_a_claim_is_renewed_while_it_is_held(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    assert domain.LEASE_SECONDS >= 2 * domain.RENEW_SECONDS
    monkeypatch.setattr(domain, "LEASE_SECONDS", 0.5)
    monkeypatch.setattr(domain, "RENEW_SECONDS", 0.1)
    claim = claimed(log, "m")
    with claim.lease:
        eventlet.sleep(1)
        with pytest.raises(Postponed):
            log.claim("m", "welcome")
    eventlet.sleep(0.7)
    assert log.claim("m", "welcome")
    with pytest.raises(Postponed):
        claim.lease.renew()


def test_the_time_of_a_claim_begins_when_it_is_written(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "_PATIENCE_SECONDS", 0.5)
    for claim in (lambda: claimed(log, "m"), lambda: claimed(log, "m")):
        began = clock.now()
        with log.under_way(), log.under_way():
            claim()
        assert log.document("m")["lease_until"] > began + timedelta(seconds=domain.LEASE_SECONDS + 0.4)
        log.lapse("m")


def test_a_claim_that_took_long_to_write_is_renewed_before_the_mail_is_sent(
    log: Log, far: Log, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "RENEW_SECONDS", 0.2)
    far.claim("another", "welcome")
    link.freeze()
    began, claiming = clock.now(), eventlet.spawn(claimed, far, "m")
    eventlet.sleep(0.5)
    link.thaw()
    claiming.wait()
    assert log.document("m")["lease_until"] > began + timedelta(seconds=domain.LEASE_SECONDS + 0.4)


def test_a_claim_that_took_so_long_that_another_has_it_is_none(
    log: Log, far: Log, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(domain, "LEASE_SECONDS", 0.4)
    far.claim("another", "welcome")
    link.freeze(takes_questions=True)
    claiming = eventlet.spawn(far.claim, "m", "welcome")
    eventually(lambda: log.deliveries.find_one({"_id": "m"}))
    eventually(lambda: _tries_to_claim(log))
    link.thaw()
    with pytest.raises(Postponed):
        claiming.wait()


def _tries_to_claim(log: Log) -> bool:
    with suppress(Postponed):
        return log.claim("m", "welcome") is not None
    return False


@pytest.mark.parametrize("outcome", ["claimed", "sent", "failed"])
def test_who_has_lost_the_claim_does_not_say_that_the_mail_has_failed(log: Log, outcome: str) -> None:
    first, second = taken_over(log, "m")
    if outcome == "sent":
        second.sent(1)
    elif outcome == "failed":
        fail(second)
    with pytest.raises(Postponed):
        fail(first)
    first.lease.give_back()
    assert log.document("m")["status"] == outcome
    assert log.events("m") == {"sent": ["notification_sent"], "failed": ["notification_failed"]}.get(
        outcome, []
    )
    if outcome == "claimed":
        with pytest.raises(Postponed):
            log.claim("m", "welcome")


def test_a_mail_that_was_sent_is_noted_though_the_claim_was_lost(log: Log) -> None:
    first, second = taken_over(log, "m")
    first.sent(1)
    assert log.claim("m", "welcome") is None
    with pytest.raises(Postponed):
        fail(second)
    second.sent(1)
    assert (log.status("m"), log.events("m")) == (domain.SENT, ["notification_sent"])


def test_a_cancelled_mail_stays_cancelled_whatever_becomes_of_an_attempt(log: Log) -> None:
    claim = claimed(log, "m")
    log.lapse("m")
    log.cancel("m")
    with pytest.raises(Postponed):
        fail(claim)
    claim.sent(1)
    assert (log.status("m"), log.events("m")) == (domain.CANCELLED, ["notification_cancelled"])
    assert log.claim("m", "welcome") is None


def test_a_claim_that_the_version_before_has_taken_over_is_lost(log: Log) -> None:
    claim = claimed(log, "m")
    lease = {"status": domain.CLAIMED, "lease_until": clock.now() + timedelta(seconds=6.5)}
    log.deliveries.update_one({"_id": "m"}, {"$set": lease})
    with pytest.raises(Postponed):
        claim.lease.renew()
    with pytest.raises(Postponed):
        fail(claim)
    assert log.status("m") == domain.CLAIMED


def test_the_version_before_can_take_over_and_note_what_this_one_has_claimed(log: Log) -> None:
    claimed(log, "m")
    log.lapse("m")
    lapsed = {"_id": "m", "status": domain.CLAIMED, "lease_until": {"$lt": clock.now()}}
    assert log.deliveries.update_one(lapsed, {"$set": {"lease_until": clock.now()}}).matched_count == 1
    log.deliveries.update_one({"_id": "m"}, {"$set": {"status": domain.SENT}})
    assert log.claim("m", "welcome") is None


def test_that_a_mail_is_sent_is_noted_as_soon_as_the_data_store_is_back(
    log: Log, far: Log, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "NOTE_AGAIN_SECONDS", 0.1)
    claim = claimed(far, "m")
    link.cut()
    noting = eventlet.spawn(claim.sent, 1)
    eventlet.sleep(1)
    assert not noting.dead
    link.mend()
    noting.wait()
    assert (log.status("m"), log.events("m")) == (domain.SENT, ["notification_sent"])
    assert far.announced == [("m", 1)]


def test_a_note_whose_answer_is_lost_is_made_once(
    log: Log, far: Log, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "NOTE_AGAIN_SECONDS", 0.1)
    claim = claimed(far, "m")
    link.freeze(takes_questions=True)
    noting = eventlet.spawn(claim.sent, 1)
    eventually(lambda: log.status("m") == domain.SENT)
    link.cut()
    eventlet.sleep(0.5)
    assert not noting.dead
    link.thaw()
    link.mend()
    noting.wait()
    assert log.events("m") == ["notification_sent"]
    assert ("m", 0) in far.announced


def test_what_can_not_be_noted_in_time_is_raised(
    far: Log, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "NOTE_SECONDS", 0.3)
    claim = claimed(far, "m")
    link.cut()
    with pytest.raises(Unavailable):
        claim.sent(1)
    link.mend()


def test_a_mail_costs_one_insertion_and_one_update(log: Log, mongo_uri: str) -> None:
    commands = Commands()
    with MongoClient[Document](mongo_uri, event_listeners=[commands]) as client:
        claim = claimed(Log(client, log.deliveries.name), "m")
        with claim.lease:
            claim.sent(1)
    assert [name for name in commands.names if name != "endSessions"] == ["insert", "update"]
