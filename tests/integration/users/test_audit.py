"""The audit log: a line with each change, none taken back, nothing personal in it once a user is gone."""

from collections.abc import Callable
from typing import Any

import eventlet
import psycopg2
import pytest

from common.errors import Forbidden, ValidationFailed
from services.users.domain import TOLD_FAILURES
from tests.integration.databases import Heard
from tests.integration.running import eventually
from tests.integration.users.conftest import People

Sql = Callable[..., list[Any]]
Found = dict[str, Any]


def lines(people: People, **query: str) -> list[Found]:
    """What the administrator reads, newest first."""
    found: list[Found] = people.admin.audit(query=query)["items"]
    return found


def events(people: People, user: Found) -> list[tuple[str, str]]:
    return [(one["event"], one["outcome"]) for one in lines(people, user_id=user["id"])]


def test_what_happens_to_an_account_is_told_in_order(people: People) -> None:
    user, owner = people.new()
    session_id = people.open(user)["session_id"]
    owner.end_session(session_id=session_id)
    owner.end_all_sessions()
    people.admin.update(user_id=user["id"], changes={"role": "admin"})
    people.admin.update(user_id=user["id"], changes={"disabled": True})
    people.admin.update(user_id=user["id"], changes={"disabled": False, "name": "Eve"})
    people.service.record_refusal(event="login", user_id=user["id"], reason="wrong_password")

    told = [
        "registered", "login", "session_ended", "all_sessions_ended", "role_changed", "user_disabled",
        "user_enabled",
    ]  # fmt: skip
    assert events(people, user) == [("login", "refused"), *[(one, "succeeded") for one in reversed(told)]]


def test_a_line_says_who_has_done_it_to_whom_and_by_which_request(people: People) -> None:
    user, _ = people.new()
    people.admin.update(user_id=user["id"], changes={"role": "admin"})
    changed, made = lines(people, user_id=user["id"])

    admin = people.service.credentials(email="root@example.com")["user"]["id"]
    assert (changed["actor_id"], changed["user_id"]) == (admin, user["id"])
    assert changed["details"] == {"role": "admin"}
    assert changed["request_id"] == f"r-{admin}"
    assert (made["actor_id"], made["user_id"], made["details"]) == (user["id"], user["id"], {})


def test_nobody_is_named_for_a_refused_login(people: People) -> None:
    user, _ = people.new()
    people.service.record_refusal(event="login", user_id=user["id"], reason="wrong_password")
    known = lines(people, user_id=user["id"])[0]
    people.service.record_refusal(event="login", reason="unknown_account")
    unknown = lines(people, event="login")[0]

    assert (known["actor_id"], known["details"]) == (None, {"reason": "wrong_password"})
    assert (unknown["actor_id"], unknown["user_id"], unknown["outcome"]) == (None, None, "refused")


def test_a_change_that_is_not_made_leaves_no_line(people: People) -> None:
    user, _ = people.new()
    before = events(people, user)
    people.admin.update(user_id=user["id"], changes={"role": "user"})
    other, _ = people.new()
    with pytest.raises(Exception, match="email_taken"):
        people.admin.update(user_id=user["id"], changes={"email": other["email"], "role": "admin"})

    assert events(people, user) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET event = 'x'", "DELETE FROM audit", "TRUNCATE audit CASCADE",
        "UPDATE audit_origins SET ip = 'x'", "DELETE FROM audit_origins", "TRUNCATE audit_origins",
        "INSERT INTO audit (id, at, event, outcome, request_id, details)"
        " VALUES (1, now(), 'login', 'succeeded', 'r', '{}')",
    ],
)  # fmt: skip
def test_the_database_takes_nothing_back_not_even_from_its_owner(
    people: People, sql: Sql, statement: str
) -> None:
    people.new()
    before = sql("SELECT * FROM audit ORDER BY id"), sql("SELECT * FROM audit_origins ORDER BY line_id")
    with pytest.raises(psycopg2.Error):
        sql(statement)
    assert (
        sql("SELECT * FROM audit ORDER BY id"),
        sql("SELECT * FROM audit_origins ORDER BY line_id"),
    ) == before


def test_of_a_deleted_user_the_lines_stay_and_where_they_came_from_goes(people: People, sql: Sql) -> None:
    user, owner = people.new()
    people.open(user)
    people.service.record_refusal(event="login", user_id=user["id"], reason="wrong_password")
    assert all(one["ip"] is not None for one in lines(people, user_id=user["id"]))
    people.admin.update(user_id=user["id"], changes={"disabled": True})
    owner.delete(user_id=user["id"])

    left = lines(people, user_id=user["id"])
    assert [one["event"] for one in left] == ["user_deleted", "user_disabled", "login", "login", "registered"]
    # Where the administrator acted from is the administrator's.
    assert [one["ip"] is None for one in left] == [True, False, True, True, True]
    assert sql("SELECT 1 FROM audit_origins WHERE owner_id = %s", user["id"]) == []


def test_an_administrator_filters_and_turns_pages(people: People) -> None:
    user, _ = people.new()
    ids = [people.open(user)["session_id"] for _ in range(5)]
    seen: list[Found] = []
    cursor = None
    while True:
        query = {"user_id": user["id"], "event": "login", "limit": "2"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = people.admin.audit(query=query)
        seen += page["items"]
        if not (cursor := page["next_cursor"]):
            break
    middle = seen[2]["at"]

    assert [one["details"]["session_id"] for one in seen] == ids[::-1]
    since = lines(people, user_id=user["id"], since=middle)
    until = lines(people, user_id=user["id"], until=middle)
    assert {one["id"] for one in since} & {one["id"] for one in until} == set()
    assert len(since) + len(until) == 6
    assert seen[2]["id"] in {one["id"] for one in since}


@pytest.mark.parametrize(
    "query",
    [
        {"user_id": "x"}, {"event": "coffee"}, {"since": "yesterday"}, {"until": "2026-11-22"},
        {"limit": "0"}, {"cursor": "W10"}, {"cursor": "WyJ4Il0"}, {"cursor": "Wy0xXQ"},
        {"count": "true"}, {"outcome": "x"},
    ],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_refused_by_name(people: People, query: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        people.admin.audit(query=query)
    assert set(caught.value.details) == set(query)


def test_nobody_else_reads_or_writes_it(people: People) -> None:
    user, owner = people.new()
    with pytest.raises(Forbidden):
        owner.audit(query={})
    for somebody in (owner, people.admin):
        with pytest.raises(Forbidden):
            somebody.record_refusal(event="login", user_id=user["id"])


def alerts(heard: Heard, user: Found) -> list[str]:
    return [one["alert"] for name, one in heard.events(user_id=user["id"]) if name == "account_alerted"]


def refused_logins(people: People, user: Found, number: int) -> None:
    service = people.service
    for _ in range(number):
        service.record_refusal(event="login", user_id=user["id"], reason="wrong_password")


def test_the_owner_hears_of_a_run_of_wrong_passwords_once(people: People, heard: Heard) -> None:
    user, _ = people.new()
    refused_logins(people, user, TOLD_FAILURES - 1)
    people.open(user)
    refused_logins(people, user, TOLD_FAILURES - 1)
    assert alerts(heard, user) == []
    refused_logins(people, user, 3)
    eventually(lambda: alerts(heard, user))
    people.open(user)
    refused_logins(people, user, 1)
    assert alerts(heard, user) == ["login_failures"]


def test_of_a_run_at_the_same_moment_the_owner_hears_once(people: People, heard: Heard) -> None:
    user, _ = people.new()
    clients = [people.service for _ in range(12)]
    for _ in eventlet.GreenPool(12).imap(
        lambda one: one.record_refusal(event="login", user_id=user["id"], reason="wrong_password"), clients
    ):
        pass
    assert eventually(lambda: alerts(heard, user)) == ["login_failures"]
