"""Another address counts once the link of the mail that goes there has confirmed it."""

from collections.abc import Callable
from typing import Any

import pytest

from common.errors import Conflict
from tests.integration.databases import Heard
from tests.integration.running import eventually
from tests.integration.users.conftest import People

Sql = Callable[..., list[Any]]
Found = dict[str, Any]


@pytest.fixture
def account(people: People, heard: Heard) -> tuple[Found, Any]:
    """A new account, made when its events are listened to, and its owner."""
    return people.new()


def told(heard: Heard, user: Found, name: str, count: int = 1) -> list[Found]:
    """The payloads of the user's events of that name, when there are so many."""

    def found() -> list[Found]:
        return [event for kind, event in heard.events(user_id=user["id"]) if kind == name]

    return eventually(lambda: len(found()) >= count and found())


def asked(owner: Any, user: Found, email: str) -> Found:
    found: Found = owner.update(user_id=user["id"], changes={"email": email})
    return found


def link(heard: Heard, user: Found, email: str) -> str:
    """The secret of the last link that went there."""
    name = "email_verification_requested"
    found = eventually(
        lambda: [one for kind, one in heard.events(user_id=user["id"], new_email=email) if kind == name]
    )
    return str(found[-1]["verification_token"])


def test_until_it_is_confirmed_the_old_one_stays_in_force_and_hears_of_it(
    account: tuple[Found, Any], people: People, heard: Heard
) -> None:
    user, owner = account
    new = f"new-{user['email']}"
    shown = asked(owner, user, new)
    assert (shown["email"], shown["pending_email"]) == (user["email"], new)
    assert people.service.credentials(email=new) is None
    assert people.service.contact(user_id=user["id"])["email"] == user["email"]
    [alert] = told(heard, user, "account_alerted")
    assert (alert["alert"], alert.get("recipient")) == ("email_change_requested", None)
    assert "user_updated" not in heard.names(user_id=user["id"])


def test_the_link_makes_it_the_account_s_address_and_tells_the_old_one(
    account: tuple[Found, Any], people: People, heard: Heard, sql: Sql
) -> None:
    user, owner = account
    new = f"new-{user['email']}"
    asked(owner, user, new)
    token = link(heard, user, new)
    assert people.service.verify_email(token=token) is True
    assert people.service.verify_email(token=token) is False

    shown = owner.get(user_id=user["id"])
    assert (shown["email"], shown["pending_email"], shown["email_verified"]) == (new, None, True)
    assert people.service.credentials(email=user["email"]) is None
    assert people.service.credentials(email=new.upper())["user"]["id"] == user["id"]
    [event] = told(heard, user, "user_updated")
    assert (event["email"], event["changes"]) == (new, ["email", "email_verified"])
    alerts = told(heard, user, "account_alerted", 2)
    assert (alerts[1]["alert"], alerts[1]["recipient"]) == ("email_changed", user["email"])
    lines = sql("SELECT event FROM audit WHERE user_id = %s ORDER BY id", user["id"])
    assert [one for (one,) in lines] == ["registered", "email_change_requested", "email_changed"]


def test_links_that_went_to_the_old_address_are_worth_nothing_from_then_on(
    account: tuple[Found, Any], people: People, heard: Heard
) -> None:
    user, owner = account
    verification = told(heard, user, "user_registered")[0]["verification_token"]
    people.service.request_password_reset(email=user["email"])
    reset = told(heard, user, "password_reset_requested")[0]["reset_token"]
    asked(owner, user, f"new-{user['email']}")
    assert people.service.password_reset_owner(token=reset)["id"] == user["id"]

    people.service.verify_email(token=link(heard, user, f"new-{user['email']}"))
    assert people.service.verify_email(token=verification) is False
    assert people.service.password_reset_owner(token=reset) is None


def test_only_the_last_wish_counts_and_the_present_address_takes_it_back(
    account: tuple[Found, Any], people: People, heard: Heard
) -> None:
    user, owner = account
    first, second = f"first-{user['email']}", f"second-{user['email']}"
    asked(owner, user, first)
    old = link(heard, user, first)
    asked(owner, user, second)
    assert people.service.verify_email(token=old) is False
    token = link(heard, user, second)
    assert asked(owner, user, user["email"])["pending_email"] is None
    assert people.service.verify_email(token=token) is False
    assert owner.get(user_id=user["id"])["email"] == user["email"]


def test_the_same_wish_again_sends_nothing_and_a_resend_goes_to_the_new_address(
    account: tuple[Found, Any], people: People, heard: Heard
) -> None:
    user, owner = account
    new = f"new-{user['email']}"
    asked(owner, user, new)
    first = link(heard, user, new)
    assert asked(owner, user, new)["pending_email"] == new
    people.service.request_email_verification(user_id=user["id"])
    events = told(heard, user, "email_verification_requested", 2)
    assert [one["new_email"] for one in events] == [new, new]
    assert [people.service.verify_email(token=one) for one in (first, link(heard, user, new))] == [
        False,
        True,
    ]


def test_an_address_that_is_taken_is_refused_when_it_is_asked_for_and_when_it_is_confirmed(
    account: tuple[Found, Any], people: People, heard: Heard
) -> None:
    user, owner = account
    other, _ = people.new("Bob")
    with pytest.raises(Conflict, match="email_taken"):
        asked(owner, user, other["email"].upper())

    new = f"new-{user['email']}"
    asked(owner, user, new)
    late, _ = people.new("Eve", new.upper())
    with pytest.raises(Conflict, match="email_taken"):
        people.service.verify_email(token=link(heard, user, new))
    assert owner.get(user_id=user["id"])["email"] == user["email"]
    assert people.service.credentials(email=new)["user"]["id"] == late["id"]


def test_of_two_who_have_asked_for_one_address_the_first_to_confirm_has_it(
    account: tuple[Found, Any], people: People, heard: Heard
) -> None:
    ada, owner = account
    bob, bobs = people.new("Bob")
    new = f"new-{ada['email']}"
    for user, whose in ((ada, owner), (bob, bobs)):
        assert asked(whose, user, new)["pending_email"] == new
    assert people.service.verify_email(token=link(heard, bob, new)) is True
    with pytest.raises(Conflict):
        people.service.verify_email(token=link(heard, ada, new))
    assert people.service.credentials(email=new)["user"]["id"] == bob["id"]


def test_another_spelling_of_the_own_address_is_no_conflict(
    account: tuple[Found, Any], people: People, heard: Heard
) -> None:
    user, owner = account
    spelled = user["email"].upper().replace("EXAMPLE.COM", "example.com")
    assert asked(owner, user, spelled)["pending_email"] == spelled
    assert people.service.verify_email(token=link(heard, user, spelled)) is True
    assert owner.get(user_id=user["id"])["email"] == spelled
