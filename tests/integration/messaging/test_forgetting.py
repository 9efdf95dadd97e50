"""Users who are no more: what is removed with them, and that nothing of them comes back."""

from typing import Any

import pytest

from services.messaging.domain import Contact, Mail
from services.messaging.storage import Ledger
from tests.integration.messaging.test_ledger import ALERT, new_id


def everything(ledger: Ledger) -> str:
    """All that is in the database."""
    db = ledger._storage.db
    return repr([list(db[name].find()) for name in db.list_collection_names()])


def test_what_is_addressed_to_a_deleted_user_goes_with_them_whoever_has_sent_it(
    ledger: Ledger, admin: Any
) -> None:
    user_id, email = new_id(), f"{new_id()}@example.com"
    ledger.keep_contact(Contact(user_id, email, "Ada", 1))
    admin.publish(data={**ALERT, "recipient": email})
    for about in ({"user_id": user_id}, {"recipient": email}):
        assert ledger.keep_dead_letter({"_id": new_id(), "body": email.encode(), **about})
    ledger._storage.db.windows.insert_one({"_id": email, "places": []})
    for _ in range(2):
        ledger.forget_user(user_id)
    assert user_id not in everything(ledger)
    assert email not in everything(ledger)


def test_the_marks_of_the_version_before_lose_their_ids(ledger: Ledger) -> None:
    user_id = new_id()
    ledger._contacts.insert_one({"_id": user_id, "user_version": 2**31 - 1})
    ledger._storage.prepare()
    assert user_id not in everything(ledger)
    ledger.keep_contact(Contact(user_id, "ada@example.com", "Ada", 7))
    assert ledger.contact(user_id) is None


def test_a_late_event_of_a_deleted_user_brings_nothing_back(ledger: Ledger) -> None:
    user_id = new_id()
    ledger.forget_user(user_id)
    ledger.keep_contact(Contact(user_id, "ada@example.com", "Ada", 7))
    ledger.forget_user(user_id)
    ledger.keep_contact(Contact(user_id, "ada@example.com", "Ada", 8))
    assert ledger.add(Mail(new_id(), "welcome", "ada@example.com", {}, user_id)) is False
    letter = {"_id": new_id(), "user_id": user_id, "body": b"ada@example.com"}
    assert ledger.keep_dead_letter(letter) is False
    assert ledger.contact(user_id) is None
    assert user_id not in everything(ledger)


def test_a_batch_brings_nothing_of_a_deleted_user_back_and_costs_others_nothing(ledger: Ledger) -> None:
    gone, there = new_id(), new_id()
    ledger.forget_user(gone)
    mails = [Mail(new_id(), "welcome", "ada@example.com", {}, user_id) for user_id in (gone, there, None)]
    assert ledger.add_many([(mail, "r-1") for mail in mails]) == 2
    assert gone not in everything(ledger)
    assert [ledger.get(mail.message_id)["user_id"] for mail in mails[1:]] == [there, None]


@pytest.mark.parametrize("together", [True, False])
def test_what_was_written_by_somebody_who_died_before_looking_goes_when_the_event_comes_again(
    ledger: Ledger, together: bool
) -> None:
    user_id = new_id()
    mail = Mail(new_id(), "welcome", "ada@example.com", {}, user_id)
    ledger.forget_user(user_id)
    ledger._messages.insert_one(ledger._new(mail, "r-1", None))
    assert not (ledger.add_many([(mail, "r-1")]) if together else ledger.add(mail))
    assert user_id not in everything(ledger)
