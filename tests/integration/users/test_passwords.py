"""Passwords set by a mail's link or by their owner: a link is good once, and what the old one opened ends."""

from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from services.users import domain
from tests.integration.databases import Heard
from tests.integration.running import Running, eventually
from tests.integration.users.conftest import People

Sql = Callable[..., list[Any]]
Found = dict[str, Any]


@pytest.fixture
def ada(people: People, heard: Heard) -> Found:
    """A new account, made when its events are listened to."""
    return people.new()[0]


def told(heard: Heard, user: Found, name: str, count: int = 1) -> list[Found]:
    """The payloads of the user's events of that name, when there are so many."""

    def found() -> list[Found]:
        return [event for kind, event in heard.events(user_id=user["id"]) if kind == name]

    return eventually(lambda: len(found()) >= count and found())


def link(people: People, heard: Heard, user: Found, number: int = 1) -> str:
    """The secret of a new link; the number tells which it is of this user's."""
    people.service.request_password_reset(email=user["email"].upper())
    return told(heard, user, "password_reset_requested", number)[-1]["reset_token"]


def reset(people: People, token: str, password_hash: str = "$2b$new") -> bool:
    return people.service.reset_password(token=token, password_hash=password_hash, ip="203.0.113.7")


def hash_of(people: People, user: Found) -> str:
    return people.service.credentials(user_id=user["id"])["password_hash"]


def test_a_link_sets_a_password_once_and_ends_all_sessions(
    people: People, ada: Found, heard: Heard, sql: Sql
) -> None:
    sessions = {people.open(ada)["session_id"] for _ in range(2)}
    token = link(people, heard, ada)

    assert people.service.password_reset_owner(token=token)["id"] == ada["id"]
    assert (reset(people, token), reset(people, token, "$2b$late")) == (True, False)
    assert people.service.password_reset_owner(token=token) is None
    assert hash_of(people, ada) == "$2b$new"
    [revoked] = told(heard, ada, "session_revoked")
    assert set(revoked["session_ids"]) == sessions
    assert [event["ip"] for event in told(heard, ada, "password_changed")] == ["203.0.113.7"]
    assert sql("SELECT count(*) FROM sessions WHERE user_id = %s", ada["id"]) == [(0,)]


def test_a_link_is_256_bits_said_to_last_an_hour_and_kept_as_a_fingerprint(
    people: People, ada: Found, heard: Heard, sql: Sql
) -> None:
    token = link(people, heard, ada)
    assert len(token) >= 43
    assert told(heard, ada, "password_reset_requested")[0]["expires_in"] == "1 hour"
    rows = sql(
        "SELECT token_hash, extract(epoch FROM expires_at - now()) FROM one_time_tokens"
        " WHERE user_id = %s AND purpose = 'reset_password'", ada["id"],
    )  # fmt: skip
    assert [row[0] for row in rows] == [domain.fingerprint(token)]
    assert 3500 < rows[0][1] <= 3600


def test_a_link_that_is_over_is_worth_nothing(people: People, ada: Found, heard: Heard, sql: Sql) -> None:
    token = link(people, heard, ada)
    sql("UPDATE one_time_tokens SET expires_at = now() - interval '1 s' WHERE user_id = %s", ada["id"])
    assert people.service.password_reset_owner(token=token) is None
    assert reset(people, token) is False
    assert hash_of(people, ada) == "$2b$x"


def test_a_new_link_replaces_the_older_one(people: People, ada: Found, heard: Heard) -> None:
    first = link(people, heard, ada)
    second = link(people, heard, ada, 2)
    assert (reset(people, first), reset(people, second)) == (False, True)


def test_a_link_for_one_thing_is_worth_nothing_for_another(people: People, ada: Found, heard: Heard) -> None:
    verification = told(heard, ada, "user_registered")[0]["verification_token"]
    token = link(people, heard, ada)
    assert reset(people, verification) is False
    assert people.service.verify_email(token=token) is False
    assert people.service.verify_email(token=verification) is True
    assert reset(people, token) is True


def test_of_two_who_use_one_link_at_once_one_wins(
    people: People, users: Running, heard: Heard, sql: Sql
) -> None:
    store, pool = users.inject("store").passwords, eventlet.GreenPool()
    for _ in range(10):
        user = people.new()[0]
        token = link(people, heard, user)
        found = list(pool.imap(lambda one, token=token: store.reset(token, f"$2b${one}", ""), range(4)))
        assert sorted(found) == [False, False, False, True]
        assert hash_of(people, user) == f"$2b${found.index(True)}"
        assert sql("SELECT count(*) FROM one_time_tokens WHERE token_hash = %s",
                   domain.fingerprint(token)) == [(0,)]  # fmt: skip


def test_who_asks_and_sets_at_the_same_moment_never_waits_in_a_circle(
    people: People, users: Running, heard: Heard, sql: Sql
) -> None:
    store, pool = users.inject("store").passwords, eventlet.GreenPool()
    user = people.new()[0]
    for number in range(1, 30, 3):
        token = link(people, heard, user, number)
        calls = [
            lambda token=token: store.reset(token, "$2b$new", ""),
            lambda: store.request_reset(user["email"]),
            lambda: store.request_reset(user["email"]),
        ]
        list(pool.imap(lambda call: call(), calls))
        told(heard, user, "password_reset_requested", number + 2)
        left = "SELECT count(*) FROM one_time_tokens WHERE user_id = %s AND purpose = 'reset_password'"
        assert sql(left, user["id"])[0][0] <= 1


def test_for_an_unknown_or_disabled_account_nothing_happens(
    people: People, ada: Found, heard: Heard, sql: Sql
) -> None:
    token = link(people, heard, ada)
    people.admin.update(user_id=ada["id"], changes={"disabled": True})
    before = sql("SELECT count(*) FROM one_time_tokens")

    assert people.service.request_password_reset(email="nobody@example.com") is None
    assert people.service.request_password_reset(email=ada["email"]) is None
    assert sql("SELECT count(*) FROM one_time_tokens") == before
    assert people.service.password_reset_owner(token=token) is None
    assert reset(people, token) is False
    assert hash_of(people, ada) == "$2b$x"


def test_a_change_ends_all_other_sessions_and_kills_the_link(
    people: People, ada: Found, heard: Heard, sql: Sql
) -> None:
    mine, other = (people.open(ada)["session_id"] for _ in range(2))
    token = link(people, heard, ada)
    change = {"user_id": ada["id"], "session_id": mine, "ip": "203.0.113.9"}

    assert people.service.change_password(old_hash="$2b$wrong", new_hash="$2b$y", **change) is False
    assert people.service.change_password(old_hash="$2b$x", new_hash="$2b$y", **change) is True
    assert people.service.change_password(old_hash="$2b$x", new_hash="$2b$z", **change) is False
    assert hash_of(people, ada) == "$2b$y"
    assert told(heard, ada, "session_revoked")[0]["session_ids"] == [other]
    assert told(heard, ada, "password_changed")[0]["ip"] == "203.0.113.9"
    assert sql("SELECT id::text FROM sessions WHERE user_id = %s", ada["id"]) == [(mine,)]
    assert reset(people, token) is False


def test_a_login_that_was_checked_against_the_old_password_opens_no_session(
    people: People, ada: Found, heard: Heard
) -> None:
    checked = hash_of(people, ada)
    reset(people, link(people, heard, ada))
    assert people.open(ada, password_hash=checked) is None
    assert people.open(ada, password_hash="$2b$new")["user"]["id"] == ada["id"]


def test_a_new_verification_link_replaces_the_older_one_until_the_address_is_verified(
    people: People, ada: Found, heard: Heard
) -> None:
    first = told(heard, ada, "user_registered")[0]["verification_token"]
    people.service.request_email_verification(user_id=ada["id"])
    [event] = told(heard, ada, "email_verification_requested")
    assert event["new_email"] == ada["email"]
    verify = people.service.verify_email
    assert [verify(token=one) for one in (first, event["verification_token"])] == [False, True]

    people.service.request_email_verification(user_id=ada["id"])
    eventlet.sleep(0.3)
    assert len(told(heard, ada, "email_verification_requested")) == 1
