"""Who may see and change which user, and what a user's record shows."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from common.errors import Conflict, Forbidden, NotFound, ValidationFailed
from common.identity import Identity
from common.schemas import load
from services.users import domain
from services.users.models import SessionRow, User
from services.users.schemas import (
    NewUser,
    UserChanges,
    UserQuery,
    UserReplacement,
    show_account,
    show_session,
    show_user,
)

ADA = Identity("ada", "user", "s", "j", 0)
ROOT = Identity("root", "admin", "s", "j", 0)
NOW = datetime(2026, 11, 22, 13, 45, tzinfo=UTC)


def test_another_user_is_not_there_for_a_user_and_is_for_an_administrator() -> None:
    domain.check_may_see(ADA, "ada")
    domain.check_may_see(ROOT, "ada")
    with pytest.raises(NotFound):
        domain.check_may_see(ADA, "root")


@pytest.mark.parametrize("changes", [{"role": "user"}, {"disabled": False}, {"role": "admin", "name": "x"}])
def test_only_an_administrator_sets_what_gives_or_takes_power(changes: dict[str, Any]) -> None:
    domain.check_changes(ROOT, changes)
    with pytest.raises(Forbidden, match="admin_only"):
        domain.check_changes(ADA, changes)


def test_everybody_changes_name_and_address() -> None:
    domain.check_changes(ADA, {"name": "Ada", "email": "ada@example.com"})


@pytest.mark.parametrize(
    ("role", "disabled", "changes", "loses"),
    [
        ("admin", False, {"role": "user"}, True), ("admin", False, {"disabled": True}, True),
        ("admin", False, {"role": "admin", "disabled": False}, False), ("admin", False, {"name": "x"}, False),
        ("admin", True, {"role": "user"}, False), ("user", False, {"disabled": True}, False),
        ("user", False, {"role": "admin"}, False), ("admin", True, {"disabled": False}, False),
    ],
)  # fmt: skip
def test_what_takes_an_active_administrator_away(
    role: str, disabled: bool, changes: dict[str, Any], loses: bool
) -> None:
    assert bool(domain.loses_admin(role, disabled, changes)) is loses


def test_the_last_administrator_stays() -> None:
    domain.check_admins_left(1)
    with pytest.raises(Conflict, match="last_admin"):
        domain.check_admins_left(0)


def test_a_secret_has_256_bits_and_is_kept_as_its_fingerprint_only() -> None:
    one, two = domain.new_secret(), domain.new_secret()
    assert one != two
    assert len(one) >= 43
    assert domain.fingerprint(one) == domain.fingerprint(one) != domain.fingerprint(two)
    assert one not in domain.fingerprint(one)
    assert len(domain.fingerprint("\ud800")) == 64


def user(**fields: Any) -> User:
    usual = {
        "id": uuid.uuid4(), "email": "ada@example.com", "email_key": "ada@example.com", "name": "Ada",
        "role": "user", "disabled": False, "email_verified": True, "password_hash": "$2b$04$x", "version": 3,
        "created_at": NOW, "updated_at": NOW, "locale": "en", "todo_mails": True, "login_mails": False,
    }  # fmt: skip
    return User(**usual | fields)


def test_a_user_is_shown_without_hash_key_and_version() -> None:
    shown = show_user(user())
    account = {"id", "email", "name", "role", "email_verified", "created_at"}
    assert set(show_account(user())) == account
    assert set(shown) == {*account, "pending_email", "locale", "preferences"}
    assert shown["preferences"] == {"todo_mails": True, "login_mails": False}
    assert shown["created_at"] == "2026-11-22T13:45:00.000Z"
    assert set(show_user(user(), to_admin=True)) == {*shown, "disabled", "updated_at"}


def test_a_session_is_shown_without_its_tokens() -> None:
    row = SessionRow(
        id=uuid.uuid4(), user_id=uuid.uuid4(), refresh_hash="r", previous_hash="p", created_at=NOW,
        last_used_at=NOW, expires_at=NOW, ip="203.0.113.7", user_agent="Firefox",
    )  # fmt: skip
    shown = show_session(row, NOW, str(row.id))
    assert set(shown) == {"id", "created_at", "last_used_at", "expires_at", "ip", "user_agent", "current"}
    assert shown["current"] is True
    assert show_session(row, NOW, "another")["current"] is False


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x"}, {"password_hash": "x"}, {"email_verified": True}, {"version": 1}, {"role": "root"},
        {"role": None}, {"disabled": 1}, {"name": ""}, {"name": "x" * 101}, {"name": "a\nb"}, {"email": "x"},
    ],
)  # fmt: skip
def test_a_change_that_is_none_is_refused_by_field(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        load(UserChanges, changes)
    assert list(caught.value.details) == list(changes)


def test_a_replacement_needs_address_and_name() -> None:
    with pytest.raises(ValidationFailed) as caught:
        load(UserReplacement, {"role": "user"})
    assert set(caught.value.details) == {"email", "name"}


def test_a_new_user_has_no_role_to_choose() -> None:
    with pytest.raises(ValidationFailed):
        load(NewUser, {"email": "a@example.com", "name": "A", "password_hash": "x", "role": "admin"})


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"role": "x"}, {"count": "1"}, {"z": "1"}]
)
def test_a_query_that_is_none_is_refused(query: dict[str, str]) -> None:
    assert load(UserQuery, {"limit": "100", "q": "ada"})["limit"] == 100
    with pytest.raises(ValidationFailed):
        load(UserQuery, query)
