"""Personal access tokens at rest: ended with all that lets a user in, their use written now and then."""

import hashlib
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from common.errors import Conflict, Forbidden, NotFound, Unauthenticated
from services.users import domain
from tests.integration.databases import Heard
from tests.integration.running import Running, eventually
from tests.integration.users.conftest import People

Sql = Callable[..., list[Any]]
Found = dict[str, Any]
DAY = 86_400


@pytest.fixture
def ada(people: People) -> Found:
    return people.new()[0]


def session_of(people: People, user: Found) -> str:
    found = people.service.open_session(
        user_id=user["id"], refresh_token=uuid.uuid4().hex, seconds=60, ip="", user_agent=""
    )
    return str(found["session_id"])


def made(people: People, user: Found, session_id: str = "", role: str = "user", days: float = 30) -> Found:
    """What is shown of a new token."""
    token = {
        "id": str(uuid.uuid4()), "user_id": user["id"], "name": "Script", "scopes": ["todos:read"],
        "token_hash": hashlib.sha256(uuid.uuid4().bytes).hexdigest(),
        "expires_at": int(time.time() + days * DAY),
    }  # fmt: skip
    session_id = session_id or session_of(people, user)
    found: Found = people.service.keep_access_token(token=token, role=role, session_id=session_id)
    return found


def ended(heard: Heard, user: Found) -> dict[str, float]:
    """The tokens that were announced to have ended, and until when they have to be remembered."""
    told = [event for name, event in heard.events(user_id=user["id"]) if name == "session_revoked"]
    return {one: until for event in told for one, until in event.get("kept_until", {}).items()}


def test_its_owner_lists_and_ends_it_and_nobody_else(people: People, ada: Found, heard: Heard) -> None:
    owner, (_, bob) = people.somebody(user_id=ada["id"]), people.new("Bob")
    first, second = made(people, ada), made(people, ada)
    assert [one["id"] for one in owner.access_tokens()] == [second["id"], first["id"]]
    assert (first["scopes"], first["last_used_at"]) == (["todos:read"], None)
    for wrong in (first["id"], str(uuid.uuid4()), "x"):
        with pytest.raises(NotFound) as caught:
            bob.end_access_token(token_id=wrong)
        assert caught.value.code == "token_not_found"
    owner.end_access_token(token_id=first["id"])
    assert [one["id"] for one in owner.access_tokens()] == [second["id"]]
    until = eventually(lambda: ended(heard, ada))
    assert set(until) == {first["id"]}
    assert until[first["id"]] == pytest.approx(time.time() + 30 * DAY + 60, abs=30)


def test_who_starts_later_is_told_for_how_long_to_remember_it(people: People, ada: Found) -> None:
    token, session_id = made(people, ada), session_of(people, ada)
    owner = people.somebody(user_id=ada["id"])
    owner.end_access_token(token_id=token["id"])
    owner.end_session(session_id=session_id)
    told = people.service.revoked_sessions()
    assert {token["id"], session_id} <= set(told["session_ids"])
    assert told["kept_until"][token["id"]] == pytest.approx(time.time() + 30 * DAY + 60, abs=30)
    assert session_id not in told["kept_until"]


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "admin"}])
def test_it_ends_when_its_owner_is_disabled_or_gets_another_role(
    people: People, ada: Found, heard: Heard, change: dict[str, Any]
) -> None:
    token = made(people, ada)
    people.admin.update(user_id=ada["id"], changes=change)
    assert set(eventually(lambda: ended(heard, ada))) == {token["id"]}


def test_it_ends_with_a_reset_of_the_password_and_with_the_account_and_not_with_a_logout_everywhere(
    people: People, ada: Found, heard: Heard
) -> None:
    token, owner = made(people, ada), people.somebody(user_id=ada["id"])
    owner.end_all_sessions()
    assert [one["id"] for one in owner.access_tokens()] == [token["id"]]
    people.service.request_password_reset(email=ada["email"])
    told = eventually(
        lambda: [e for n, e in heard.events(user_id=ada["id"]) if n == "password_reset_requested"]
    )
    assert people.service.reset_password(token=told[0]["reset_token"], password_hash="$2b$y", ip="")
    assert set(eventually(lambda: ended(heard, ada))) == {token["id"]}
    other = made(people, ada)
    owner.delete(user_id=ada["id"])
    assert set(eventually(lambda: len(ended(heard, ada)) == 2 and ended(heard, ada))) == {
        token["id"],
        other["id"],
    }


def test_who_lost_session_or_role_meanwhile_gets_none(people: People, ada: Found) -> None:
    session_id = session_of(people, ada)
    for wrong in ({"session_id": str(uuid.uuid4())}, {"session_id": session_id, "role": "admin"}):
        with pytest.raises(Unauthenticated):
            made(people, ada, **wrong)
    assert made(people, ada, session_id)


def test_one_user_has_so_many_and_no_more(
    people: People, ada: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "MOST_TOKENS", 2)
    session_id = session_of(people, ada)
    made(people, ada, session_id, days=-1)
    tokens = [made(people, ada, session_id) for _ in range(2)]
    with pytest.raises(Conflict):
        made(people, ada, session_id)
    people.somebody(user_id=ada["id"]).end_access_token(token_id=tokens[0]["id"])
    assert made(people, ada, session_id)


def test_its_last_use_is_written_at_most_once_a_minute(people: People, ada: Found, sql: Sql) -> None:
    token, other = made(people, ada), made(people, ada)

    def used() -> Any:
        return sql("SELECT last_used_at FROM access_tokens WHERE id = %s", token["id"])[0][0]

    people.service.note_token_uses(token_ids=[token["id"], str(uuid.uuid4())])
    first = used()
    people.service.note_token_uses(token_ids=[token["id"]])
    assert first is not None
    assert used() == first
    assert sql("SELECT last_used_at FROM access_tokens WHERE id = %s", other["id"]) == [(None,)]
    sql("UPDATE access_tokens SET last_used_at = now() - interval '61 s' WHERE id = %s", token["id"])
    people.service.note_token_uses(token_ids=[token["id"]])
    assert used() >= first


def test_a_process_tells_of_the_tokens_that_it_was_called_with(
    people: People, ada: Found, users: Running
) -> None:
    token, owner = made(people, ada), people.somebody(user_id=ada["id"])
    tokens = next(one for one in users.container.extensions if one.__class__.__name__ == "Tokens")
    tokens.uses.note(token["id"])
    eventually(lambda: owner.access_tokens()[0]["last_used_at"])


def test_only_services_keep_one_or_tell_of_its_use(people: People, ada: Found) -> None:
    for one in (people.somebody(user_id=ada["id"]), people.admin):
        with pytest.raises(Forbidden):
            one.note_token_uses(token_ids=[])
        with pytest.raises(Forbidden):
            one.keep_access_token(token={}, role="admin", session_id="")
