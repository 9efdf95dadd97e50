"""A password that was hashed at a lower cost than today's is hashed anew when it is next used."""

from collections.abc import Callable
from typing import Any

import pytest

from common.errors import Unauthenticated
from common.passwords import hash_password, verify_password
from tests.integration.accounts.conftest import PASSWORD, Visitor
from tests.integration.running import Running, eventually
from tests.integration.users.conftest import People

Found = dict[str, Any]
ONCE, TODAY = 4, 5


@pytest.fixture(scope="module")
def config(config: Found) -> Found:
    return {**config, "BCRYPT_ROUNDS": TODAY}


@pytest.fixture
def old(account: Callable[..., Found]) -> Found:
    """An account from when hashes were cheaper."""
    return account(hash_password(PASSWORD, ONCE))


def hash_of(people: People, user: Found) -> str:
    return str(people.service.credentials(user_id=user["id"])["password_hash"])


def cost(people: People, user: Found) -> int:
    return int(hash_of(people, user)[4:6])


def test_the_next_login_raises_the_cost_and_the_password_stays(
    old: Found, visitor: Visitor, people: People
) -> None:
    given = {"email": old["email"], "password": PASSWORD}
    assert visitor().login(data=given)["user"]["id"] == old["id"]
    eventually(lambda: cost(people, old) == TODAY)
    raised = hash_of(people, old)
    assert verify_password(PASSWORD, raised)
    assert visitor().login(data=given)["user"]["id"] == old["id"]
    assert hash_of(people, old) == raised


def test_a_wrong_password_raises_nothing(old: Found, visitor: Visitor, people: People) -> None:
    with pytest.raises(Unauthenticated):
        visitor().login(data={"email": old["email"], "password": "not this one"})
    assert cost(people, old) == ONCE


def test_a_password_that_is_set_meanwhile_wins(old: Found, auth: Running, people: People) -> None:
    checked, service = hash_of(people, old), people.service
    change = {"user_id": old["id"], "session_id": old["id"], "ip": ""}
    assert service.change_password(old_hash=checked, new_hash="$2b$new", **change) is True
    assert service.raise_password_cost(user_id=old["id"], old_hash=checked, new_hash="$2b$late") is False
    assert hash_of(people, old) == "$2b$new"


def test_what_was_checked_before_the_cost_was_raised_is_good_after(old: Found, people: People) -> None:
    checked, service = hash_of(people, old), people.service
    session = {"user_id": old["id"], "refresh_token": old["id"], "seconds": 60, "ip": "", "user_agent": ""}
    assert service.raise_password_cost(user_id=old["id"], old_hash=checked, new_hash="$2b$raised") is True

    assert service.open_session(**session, proof={"password_hash": "$2b$other"}) is None
    assert service.open_session(**session, proof={"password_hash": checked})["user"]["id"] == old["id"]
    change = {"user_id": old["id"], "session_id": old["id"], "ip": ""}
    assert service.change_password(old_hash=checked, new_hash="$2b$new", **change) is True
    assert service.change_password(old_hash=checked, new_hash="$2b$x", **change) is False
