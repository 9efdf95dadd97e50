"""Whatever ends a session is announced before it is answered, and remembered while a token may be out."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from common.errors import Forbidden
from services.users import service
from tests.integration.databases import Heard
from tests.integration.users.conftest import People
from tests.integration.users.test_sessions import opened, rotated

Sql = Callable[..., list[Any]]


@pytest.fixture
def ada(people: People) -> dict[str, Any]:
    return people.new()[0]


def listed(people: People) -> list[str]:
    """The whole list, as a process that starts asks for it."""
    found: list[str] = []
    after = ""
    while after is not None:
        part = people.service.revoked_sessions(after=after)
        found += part["session_ids"]
        after = part["next"]
    return found


def promoted_for_a_moment(people: People, user: dict[str, Any]) -> None:
    """No administrator is left behind for other tests."""
    for role in ("admin", "user"):
        people.admin.update(user_id=user["id"], changes={"role": role})


@pytest.mark.parametrize(
    "end",
    [
        lambda people, ada: people.somebody(user_id=ada["id"]).end_all_sessions(),
        lambda people, ada: people.admin.update(user_id=ada["id"], changes={"disabled": True}),
        promoted_for_a_moment,
        lambda people, ada: people.admin.replace(
            user_id=ada["id"], data={"email": ada["email"], "name": "A", "disabled": True}
        ),
        lambda people, ada: people.admin.delete(user_id=ada["id"]),
        lambda people, ada: people.somebody(user_id=ada["id"]).delete(user_id=ada["id"]),
    ],
    ids=["logout-all", "disabled", "role", "replaced", "deleted", "left"],
)
def test_what_ends_all_sessions_is_announced_at_once_and_listed(
    people: People, ada: dict[str, Any], heard: Heard, end: Callable[[People, dict[str, Any]], Any]
) -> None:
    ids = {opened(people, ada)[0] for _ in range(3)}
    end(people, ada)
    events = [event for name, event in heard.events(user_id=ada["id"]) if name == "session_revoked"]
    assert [set(event["session_ids"]) for event in events] == [ids]
    assert ids <= set(listed(people))


def test_a_logout_ends_its_session_and_a_change_of_the_name_none(
    people: People, ada: dict[str, Any], heard: Heard
) -> None:
    first, _ = opened(people, ada)
    second, token = opened(people, ada)
    people.somebody(user_id=ada["id"]).end_session(session_id=first)
    people.admin.update(user_id=ada["id"], changes={"name": "Ada L.", "role": "user", "disabled": False})
    events = [event for name, event in heard.events(user_id=ada["id"]) if name == "session_revoked"]
    assert [event["session_ids"] for event in events] == [[first]]
    assert rotated(people, token)[0] == second


def test_a_reused_refresh_token_puts_its_session_on_the_list(people: People, ada: dict[str, Any]) -> None:
    session_id, token = opened(people, ada)
    _, newer = rotated(people, token)
    rotated(people, newer)
    assert session_id not in listed(people)
    rotated(people, token)
    assert session_id in listed(people)


def test_the_list_comes_in_parts(
    people: People, ada: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REVOKED_AT_ONCE", 2)
    ids = {opened(people, ada)[0] for _ in range(5)}
    people.somebody(user_id=ada["id"]).end_all_sessions()
    found = listed(people)
    assert ids <= set(found)
    assert len(found) == len(set(found))


def test_an_ended_session_is_forgotten_when_its_access_tokens_have_expired(
    people: People, ada: dict[str, Any], sql: Sql
) -> None:
    session_id, _ = opened(people, ada)
    people.somebody(user_id=ada["id"]).end_session(session_id=session_id)
    [(kept,)] = sql(
        "SELECT extract(epoch FROM forget_at - now()) FROM revoked_sessions WHERE id = %s", session_id
    )
    assert kept == pytest.approx(24 * 3600 + 60, abs=30)
    sql("UPDATE revoked_sessions SET forget_at = now() - interval '1 second' WHERE id = %s", session_id)
    assert session_id not in listed(people)
    another, _ = opened(people, ada)
    people.somebody(user_id=ada["id"]).end_session(session_id=another)
    assert sql("SELECT 1 FROM revoked_sessions WHERE id = %s", session_id) == []


def test_a_login_that_was_under_way_gets_the_role_of_now_and_nothing_if_disabled(
    people: People, ada: dict[str, Any]
) -> None:
    def log_in() -> Any:
        return people.service.open_session(
            user_id=ada["id"], refresh_token=uuid.uuid4().hex, seconds=60, ip="", user_agent=""
        )

    people.admin.update(user_id=ada["id"], changes={"role": "admin"})
    assert log_in()["user"]["role"] == "admin"
    people.admin.update(user_id=ada["id"], changes={"role": "user", "disabled": True})
    assert log_in() is None


def test_the_list_is_for_services(people: People) -> None:
    for one in (people.somebody(), people.admin):
        with pytest.raises(Forbidden):
            one.revoked_sessions()
