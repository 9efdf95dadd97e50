"""Sessions: a refresh token is used once, and its reuse ends the session."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import eventlet
import pytest

from common import clock
from common.errors import Forbidden, NotFound
from services.users import sessions
from tests.integration.databases import Heard
from tests.integration.running import eventually
from tests.integration.users.conftest import ADMIN, People

Sql = Callable[..., list[Any]]


@pytest.fixture
def ada(people: People) -> dict[str, Any]:
    return people.new()[0]


def opened(
    people: People, user: dict[str, Any], agent: str = "Firefox", seconds: int = 60
) -> tuple[str, str]:
    """A new session: its id and refresh token."""
    token = uuid.uuid4().hex
    found = people.service.open_session(
        user_id=user["id"], refresh_token=token, seconds=seconds, ip="203.0.113.7", user_agent=agent
    )
    return found["session_id"], token


def rotated(people: People, token: str, new: str = "") -> Any:
    new = new or uuid.uuid4().hex
    found = people.service.rotate_session(refresh_token=token, new_refresh_token=new)
    return (found["session_id"], new) if found else None


def revocations(heard: Heard, user: dict[str, Any]) -> list[str]:
    """The sessions of the user that were announced to have ended, when some were."""
    found = eventually(
        lambda: [event for name, event in heard.events(user_id=user["id"]) if name == "session_revoked"]
    )
    return [one for event in found for one in event["session_ids"]]


def test_a_login_is_announced_with_its_device(people: People, ada: dict[str, Any], heard: Heard) -> None:
    for agent, new in (("Firefox", True), ("Firefox", False), ("Safari", True)):
        session_id, _ = opened(people, ada, agent)
        [(name, event)] = eventually(lambda one=session_id: heard.events(session_id=one))
        assert (name, event["new_device"], event["user_agent"]) == ("user_logged_in", new, agent)


def test_a_device_is_known_after_its_session_has_ended_and_only_to_its_user(
    people: People, ada: dict[str, Any], heard: Heard
) -> None:
    bob, _ = people.new("Bob")
    opened(people, ada, "Firefox")
    people.somebody(user_id=ada["id"]).end_all_sessions()
    for user, new in ((ada, False), (bob, True)):
        session_id, _ = opened(people, user, "Firefox")
        [(_, event)] = eventually(lambda one=session_id: heard.events(session_id=one))
        assert event["new_device"] is new


def test_no_refresh_token_is_kept(people: People, ada: dict[str, Any], sql: Sql) -> None:
    session_id, token = opened(people, ada)
    rotated(people, token)
    assert token not in repr(sql("SELECT * FROM sessions WHERE id = %s", session_id))


def test_a_refresh_token_is_exchanged_for_the_next_one(people: People, ada: dict[str, Any]) -> None:
    session_id, token = opened(people, ada)
    for _ in range(3):
        found = rotated(people, token)
        assert found[0] == session_id
        token = found[1]


def test_a_token_used_again_at_once_is_a_repeated_request_and_gets_the_same_answer(
    people: People, ada: dict[str, Any]
) -> None:
    session_id, token = opened(people, ada)
    answers = [
        people.service.rotate_session(refresh_token=token, new_refresh_token="the next")["session_id"]
        for _ in range(3)
    ]
    assert answers == [session_id] * 3
    assert rotated(people, "the next")[0] == session_id


@pytest.mark.parametrize("age", [2, 3, 12])
def test_a_token_from_before_the_last_exchange_ends_the_session(
    people: People, ada: dict[str, Any], heard: Heard, age: int
) -> None:
    other, kept = opened(people, ada)
    session_id, first = opened(people, ada)
    newest = first
    for _ in range(age):
        _, newest = rotated(people, newest)
    assert rotated(people, first) is None
    assert rotated(people, newest) is None
    assert revocations(heard, ada) == [session_id]
    assert rotated(people, kept)[0] == other


def test_used_tokens_are_kept_hashed_and_go_with_their_session(
    people: People, ada: dict[str, Any], sql: Sql
) -> None:
    session_id, token = opened(people, ada)
    _, newer = rotated(people, token)
    rotated(people, newer)
    kept = sql("SELECT token_hash FROM used_refresh_tokens WHERE session_id = %s", session_id)
    assert len(kept) == 2
    assert token not in repr(kept)
    people.somebody(user_id=ada["id"]).end_session(session_id=session_id)
    assert sql("SELECT 1 FROM used_refresh_tokens WHERE session_id = %s", session_id) == []


def test_a_token_used_again_later_ends_the_session(
    people: People, ada: dict[str, Any], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "REUSE_GRACE", timedelta(0))
    session_id, token = opened(people, ada)
    _, newer = rotated(people, token)
    eventlet.sleep(0.01)
    assert rotated(people, token) is None
    assert rotated(people, newer) is None
    assert revocations(heard, ada) == [session_id]
    alerts = [event["alert"] for name, event in heard.events(user_id=ada["id"]) if name == "account_alerted"]
    assert alerts == ["refresh_token_reused"]


def test_of_two_that_exchange_one_token_at_once_both_get_the_same_session(
    people: People, ada: dict[str, Any], sql: Sql
) -> None:
    session_id, token = opened(people, ada)
    clients = [people.service for _ in range(4)]
    found = list(
        eventlet.GreenPool(4).imap(
            lambda one: one.rotate_session(refresh_token=token, new_refresh_token="the one"), clients
        )
    )
    assert {one["session_id"] for one in found if one} == {session_id}
    assert sql("SELECT count(*) FROM sessions WHERE user_id = %s", ada["id"]) == [(1,)]


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud7ff", "x" * 10_000])
def test_an_unknown_token_is_worth_nothing(people: People, token: str) -> None:
    assert rotated(people, token) is None


def test_an_expired_session_is_worth_nothing_and_not_shown(people: People, ada: dict[str, Any]) -> None:
    _, token = opened(people, ada, seconds=-1)
    assert rotated(people, token) is None
    assert people.somebody(user_id=ada["id"]).sessions() == []


def test_a_disabled_user_gets_no_new_pair(people: People, ada: dict[str, Any]) -> None:
    _, token = opened(people, ada)
    people.admin.update(user_id=ada["id"], changes={"disabled": True})
    assert rotated(people, token) is None


def test_a_user_sees_and_ends_their_own_sessions_only(
    people: People, ada: dict[str, Any], heard: Heard
) -> None:
    _, bobs = people.new("Bob")
    first, _ = opened(people, ada)
    second, _ = opened(people, ada, "Safari")
    owner = people.somebody(user_id=ada["id"])
    assert [one["id"] for one in owner.sessions()] == [second, first]
    for wrong in (first, str(uuid.uuid4()), "x", ""):
        with pytest.raises(NotFound) as caught:
            bobs.end_session(session_id=wrong)
        assert caught.value.code == "session_not_found"
    for none in (None, "", 0, [], {}):  # as a call from elsewhere may have it; none of them means all
        with pytest.raises(NotFound):
            owner.end_session(session_id=none)
        with pytest.raises(NotFound):
            people.admin.end_session_of(user_id=ada["id"], session_id=none)
    owner.end_session(session_id=first)
    assert [one["id"] for one in owner.sessions()] == [second]
    owner.end_all_sessions()
    assert owner.sessions() == []
    eventually(lambda: heard.names(user_id=ada["id"]).count("session_revoked") == 2)


def test_a_session_of_nobody_is_not_opened(people: People) -> None:
    for nobody in (str(uuid.uuid4()), "x"):
        with pytest.raises(NotFound):
            opened(people, {"id": nobody})


def test_what_a_service_does_is_not_for_users_or_administrators(people: People) -> None:
    for one in (people.somebody(), people.admin):
        with pytest.raises(Forbidden):
            one.credentials(email="root@example.com")
        with pytest.raises(Forbidden):
            one.open_session(user_id="x", refresh_token="r", seconds=1, ip="", user_agent="")


def test_a_session_that_lies_unused_for_too_long_is_over_before_its_time(
    people: People, ada: dict[str, Any], sql: Sql
) -> None:
    session_id, token = opened(people, ada, seconds=30 * 86_400)
    owner = people.somebody(user_id=ada["id"])
    age = "UPDATE sessions SET last_used_at = now() - %s * interval '1 day' WHERE id = %s"
    sql(age, 13, session_id)
    [shown] = owner.sessions()
    assert timedelta(hours=23) < datetime.fromisoformat(shown["expires_at"]) - clock.now() < timedelta(days=1)
    _, token = rotated(people, token)
    sql(age, 14, session_id)
    assert owner.sessions() == []
    assert rotated(people, token) is None


def test_a_session_in_use_is_over_at_its_time(people: People, ada: dict[str, Any], sql: Sql) -> None:
    session_id, token = opened(people, ada, seconds=30 * 86_400)
    _, token = rotated(people, token)
    sql("UPDATE sessions SET expires_at = now() WHERE id = %s", session_id)
    assert rotated(people, token) is None


def test_an_administrator_sees_and_ends_the_sessions_of_others(
    people: People, ada: dict[str, Any], heard: Heard, sql: Sql
) -> None:
    (first, _), (second, token) = opened(people, ada), opened(people, ada, "Safari")
    admin, owner = people.admin, people.somebody(user_id=ada["id"])
    for ask in (owner.sessions_of, owner.end_sessions_of):
        with pytest.raises(Forbidden):
            ask(user_id=ada["id"])
    assert {one["id"]: one["current"] for one in admin.sessions_of(user_id=ada["id"])} == {
        first: False, second: False,
    }  # fmt: skip
    admin.end_session_of(user_id=ada["id"], session_id=first)
    with pytest.raises(NotFound, match="session_not_found"):
        admin.end_session_of(user_id=ada["id"], session_id=first)
    repeated = people.somebody(role="admin", repeated="yes")
    repeated.end_session_of(user_id=ada["id"], session_id=first)
    admin.end_sessions_of(user_id=ada["id"])
    assert owner.sessions() == []
    assert rotated(people, token) is None
    ended = eventually(lambda: len(found := revocations(heard, ada)) == 2 and found)
    assert ended == [first, second]
    lines = sql(
        "SELECT event, actor_id::text FROM audit WHERE user_id = %s ORDER BY id DESC LIMIT 2", ada["id"]
    )
    by = people.service.credentials(email=ADMIN)["user"]["id"]
    assert lines == [("all_sessions_ended", by), ("session_ended", by)]


@pytest.mark.parametrize("nobody", [str(uuid.uuid4()), "x", ""])
def test_sessions_of_nobody_are_not_found(people: People, nobody: str) -> None:
    for ask in (people.admin.sessions_of, people.admin.end_sessions_of):
        with pytest.raises(NotFound, match="user_not_found"):
            ask(user_id=nobody)
    with pytest.raises(NotFound):
        people.admin.end_session_of(user_id=nobody, session_id=str(uuid.uuid4()))
