"""A digest that is made while a user is deleted: nothing of that user is in it, and the others' mails go."""

import uuid
from typing import Any

import pytest

from services.messaging import holding
from services.messaging.digests import digest_of
from services.messaging.storage import Ledger
from tests.integration.messaging.test_holding import dying, held
from tests.integration.running import eventually


@pytest.fixture(autouse=True)
def quick_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "LEASE_SECONDS", 0.5)


@pytest.mark.parametrize("moment", ["before it looks", "while it writes"])
def test_a_digest_has_nothing_of_a_user_who_is_deleted_meanwhile_and_all_others_leave(
    ledger: Ledger, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id, key, recipient = str(uuid.uuid4()), str(uuid.uuid4()), f"{uuid.uuid4()}@example.com"
    theirs, others = held(ledger, recipient, 2, user_id=user_id), held(ledger, recipient, 2)
    found = list(ledger._messages.find({"_id": {"$in": theirs + others}}))

    def leave() -> None:
        # As far as a deletion has come when it has set its mark, and removed nothing yet.
        ledger._forgotten._mark(user_id)

    def late(marked: list[Any]) -> Any:
        leave()
        return digest_of(marked)

    if moment == "while it writes":
        monkeypatch.setattr(holding, "digest_of", late)
    else:
        leave()
    dying(ledger, monkeypatch)._gather(key, found)
    monkeypatch.setattr(holding, "digest_of", digest_of)

    eventually(lambda: ledger._messages.find_one({"_id": key}) is None)
    assert ledger._messages.count_documents({"user_id": user_id}) == 0
    left = {"_id": {"$in": others}, "due_at": {"$exists": False}, "gathered_into": {"$exists": False}}
    eventually(lambda: ledger._messages.count_documents(left) == 2)
