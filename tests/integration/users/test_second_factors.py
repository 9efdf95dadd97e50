"""Second factors at rest: a code is good once, and wrong ones cost waits."""

import uuid
from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from common.errors import Conflict, Forbidden, NotFound, TooManyRequests
from tests.integration.databases import Heard
from tests.integration.running import eventually
from tests.integration.users.conftest import People

Sql = Callable[..., list[Any]]
Found = dict[str, Any]
RIGHT = {"password_hash": "$2b$x"}
SESSION = str(uuid.uuid4())


@pytest.fixture
def ada(people: People) -> Found:
    return people.new()[0]


def hashes() -> list[str]:
    return [uuid.uuid4().hex * 2 for _ in range(3)]


def switched_on(people: People, user: Found, step: int = 100) -> list[str]:
    """The user's second factor is on, with this step used up; the hashes of the recovery codes."""
    codes = hashes()
    people.service.begin_second_factor(user_id=user["id"], sealed_secret="sealed")
    assert people.service.confirm_second_factor(
        user_id=user["id"], sealed_secret="sealed", step=step, code_hashes=codes, session_id=SESSION
    )
    return codes


def used(
    people: People, user: Found, step: int | None = None, code_hash: str = "", sealed: str = "sealed"
) -> bool:
    """Whether the code was good."""
    found: bool = people.service.use_second_factor(
        user_id=user["id"], sealed_secret=sealed, step=step, code_hash=code_hash or uuid.uuid4().hex
    )
    return found


def is_on(people: People, user: Found) -> bool:
    return bool(people.service.credentials(user_id=user["id"])["has_second_factor"])


def test_it_counts_from_its_confirmation_on_and_not_before(people: People, ada: Found) -> None:
    people.service.begin_second_factor(user_id=ada["id"], sealed_secret="first")
    people.service.begin_second_factor(user_id=ada["id"], sealed_secret="second")
    assert not is_on(people, ada)
    assert not used(people, ada, 101, sealed="second")
    late = {"step": 100, "code_hashes": hashes(), "session_id": SESSION}
    assert not people.service.confirm_second_factor(user_id=ada["id"], sealed_secret="first", **late)
    assert people.service.confirm_second_factor(user_id=ada["id"], sealed_secret="second", **late)
    assert is_on(people, ada)
    assert not people.service.confirm_second_factor(user_id=ada["id"], sealed_secret="second", **late)
    with pytest.raises(Conflict) as caught:
        people.service.begin_second_factor(user_id=ada["id"], sealed_secret="third")
    assert caught.value.code == "second_factor_is_on"


def test_a_code_is_good_once_and_no_older_one_after_it(people: People, ada: Found) -> None:
    switched_on(people, ada, step=100)
    steps = (100, 101, 101, 99, 102, None)
    assert [used(people, ada, step) for step in steps] == [False, True, False, False, True, False]


def test_of_two_who_come_with_one_code_at_once_one_is_let_in(people: People, ada: Found) -> None:
    [code, *_] = switched_on(people, ada)
    clients = [people.service for _ in range(2)]
    for proof in ({"step": 101}, {"code_hash": code}):
        told = eventlet.GreenPool(2).imap(
            lambda one, proof=proof: one.use_second_factor(
                user_id=ada["id"], sealed_secret="sealed", **proof
            ),
            clients,
        )
        assert sorted(told) == [False, True]


def test_a_recovery_code_is_good_once_and_for_its_owner_alone(
    people: People, ada: Found, heard: Heard
) -> None:
    bob, _ = people.new("Bob")
    mine, others = switched_on(people, ada), switched_on(people, bob)
    assert not used(people, ada, code_hash=others[0])
    assert [used(people, ada, code_hash=mine[0]) for _ in range(2)] == [True, False]
    assert people.service.second_factor(user_id=ada["id"])["recovery_codes_left"] == 2
    people.service.renew_recovery_codes(user_id=ada["id"], code_hashes=hashes())
    assert not used(people, ada, code_hash=mine[1])

    def alerts() -> list[str]:
        return [one["alert"] for name, one in heard.events(user_id=ada["id"]) if name == "account_alerted"]

    eventually(lambda: alerts()[-1:] == ["recovery_code_used"])


def test_wrong_codes_cost_waits_in_which_a_right_one_is_refused_too_but_no_recovery_code(
    people: People, ada: Found, sql: Sql
) -> None:
    [code, *_] = switched_on(people, ada)
    assert not any(used(people, ada) for _ in range(5))
    with pytest.raises(TooManyRequests) as caught:
        used(people, ada, 101)
    assert 25 < int(caught.value.details["retry_after"]) <= 30
    assert used(people, ada, code_hash=code)
    sql("UPDATE second_factors SET wait_until = now() WHERE user_id = %s", ada["id"])
    assert not used(people, ada)
    with pytest.raises(TooManyRequests) as longer:
        used(people, ada, 101)
    assert 55 < int(longer.value.details["retry_after"]) <= 60
    sql("UPDATE second_factors SET wait_until = now() WHERE user_id = %s", ada["id"])
    assert used(people, ada, 101)
    assert sql("SELECT failures, wait_until FROM second_factors WHERE user_id = %s", ada["id"]) == [(0, None)]


def test_its_owner_hears_of_a_run_of_wrong_codes_once(people: People, ada: Found, heard: Heard) -> None:
    switched_on(people, ada)
    for _ in range(5):
        used(people, ada)

    def alerts() -> list[str]:
        told = heard.events(user_id=ada["id"])
        return [one["alert"] for name, one in told if name == "account_alerted"]

    assert eventually(lambda: len(alerts()) == 2 and alerts()) == [
        "second_factor_on",
        "second_factor_failures",
    ]


def test_a_login_that_was_checked_before_it_was_on_opens_no_session(people: People, ada: Found) -> None:
    assert people.open(ada, **RIGHT)
    switched_on(people, ada)
    assert people.open(ada, **RIGHT) is None
    assert people.open(ada, **RIGHT, second_factor=True)


def test_an_administrator_takes_it_away_with_all_sessions_and_nobody_else_does(
    people: People, ada: Found, sql: Sql
) -> None:
    switched_on(people, ada)
    people.open(ada, **RIGHT, second_factor=True)
    with pytest.raises(Forbidden):
        people.somebody(user_id=ada["id"]).reset_second_factor(user_id=ada["id"])
    for _ in range(2):
        people.admin.reset_second_factor(user_id=ada["id"])
    assert not is_on(people, ada)
    for table in ("second_factors", "recovery_codes", "sessions"):
        assert sql(f"SELECT 1 FROM {table} WHERE user_id = %s", ada["id"]) == []
    with pytest.raises(NotFound):
        people.admin.reset_second_factor(user_id=str(uuid.uuid4()))
    told = [one["event"] for one in people.admin.audit(query={"user_id": ada["id"]})["items"]]
    assert told[:3] == ["second_factor_reset", "login", "second_factor_on"]


def test_it_goes_with_its_user(people: People, sql: Sql) -> None:
    user, owner = people.new()
    switched_on(people, user)
    owner.delete(user_id=user["id"])
    for table in ("second_factors", "recovery_codes"):
        assert sql(f"SELECT 1 FROM {table} WHERE user_id = %s", user["id"]) == []


def test_only_services_use_it(people: People, ada: Found) -> None:
    switched_on(people, ada)
    for one in (people.somebody(user_id=ada["id"]), people.admin):
        for call in (
            lambda it: it.second_factor(user_id=ada["id"]),
            lambda it: it.end_second_factor(user_id=ada["id"], session_id=SESSION),
            lambda it: it.use_second_factor(user_id=ada["id"], sealed_secret="sealed"),
        ):
            with pytest.raises(Forbidden):
                call(one)
