"""Sessions: a refresh token is used once, and its reuse ends the session."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import eventlet
import pytest

from common.errors import NotFound
from services.users import sessions
from tests.integration.databases import Heard
from tests.integration.running import eventually
from tests.integration.users.conftest import People

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
    from common.errors import Forbidden

    for one in (people.somebody(), people.admin):
        with pytest.raises(Forbidden):
            one.credentials(email="root@example.com")
        with pytest.raises(Forbidden):
            one.open_session(user_id="x", refresh_token="r", seconds=1, ip="", user_agent="")
