"""Personal access tokens: what they may do, for how long, and that nothing else counts as one."""

import time
from typing import Any

import pytest

from common.errors import Forbidden, Unauthenticated
from common.http import HttpEntrypoint
from common.identity import ACCESS_TYPE, PERSONAL_TYPE, Allow, Tokens
from common.rpc import RpcEntrypoint
from common.scopes import SCOPES, allows
from services.auth.tokens import Signer
from tests.unit.common.test_identity import SECRET, claims, refused, signed, tokens_of

DAY = 86_400


def personal(*scopes: str, days: int = 30, role: str = "user") -> str:
    return Signer(SECRET, 60, 60).personal_token("u-1", role, "t-1", list(scopes), days)[0]


def may(tokens: Tokens, token: str, allow: Allow, scope: str) -> bool:
    try:
        return tokens.authorize(allow, {"auth_token": token}, scope) is not None
    except Forbidden:
        return False


@pytest.mark.parametrize(
    ("has", "wanted", "may_do"),
    [
        (["todos:read"], "todos:read", True), (["todos:read"], "todos:write", False),
        (["todos:write"], "todos:read", True), (["todos:write"], "todos:write", True),
        (["todos:read", "profile:read"], "profile:read", True), (["profile:write"], "todos:read", False),
        ([""], "", False), ([], "", False), ([*SCOPES], "", False), (["todos:read"], "todos", False),
    ],
)  # fmt: skip
def test_a_token_may_do_what_its_scopes_name_and_nothing_without_a_name(
    has: list[str], wanted: str, may_do: bool
) -> None:
    assert allows(frozenset(has), wanted) is may_do


def test_a_scope_gives_no_role_and_a_role_no_scope() -> None:
    tokens = tokens_of()
    user, admin = personal(*SCOPES), personal("audit:read", role="admin")
    assert not may(tokens, user, Allow.ADMIN, "audit:read")
    assert may(tokens, admin, Allow.ADMIN, "audit:read")
    assert not may(tokens, admin, Allow.ADMIN, "messages:read")
    assert not may(tokens, admin, Allow.USER, "")


def test_a_session_may_do_all_that_its_role_may() -> None:
    token = Signer(SECRET, 60, 60).access_token("u-1", "user", "s-1")
    assert all(may(tokens_of(), token, Allow.USER, scope) for scope in ("", *SCOPES))


def test_it_outlives_the_configured_lifetime_of_sessions_and_not_its_own() -> None:
    now = int(time.time())
    made = claims(iat=now - 20 * DAY, exp=now + 10 * DAY, scope="todos:read")
    assert tokens_of().identify(signed(made, kind=PERSONAL_TYPE)).scopes == {"todos:read"}
    refused(signed(made, kind=ACCESS_TYPE), "token_expired")
    refused(signed({**made, "exp": now - 10}, kind=PERSONAL_TYPE), "token_expired")


def test_it_is_refused_as_soon_as_it_is_ended_also_where_it_was_seen_before() -> None:
    tokens, token = tokens_of(), personal("todos:read")
    assert may(tokens, token, Allow.USER, "todos:read")
    tokens.revocations.known.add(["t-1"], {"t-1": time.time() + 30 * DAY})
    with pytest.raises(Unauthenticated) as caught:
        tokens.authorize(Allow.USER, {"auth_token": token}, "todos:read")
    assert caught.value.code == "token_revoked"


@pytest.mark.parametrize("scope", [None, 1, ["todos:read"], {"a": 1}])
def test_without_a_scope_it_is_none(scope: Any) -> None:
    refused(signed(claims(scope=scope), kind=PERSONAL_TYPE))
    refused(signed(claims(), kind=PERSONAL_TYPE))


def test_a_sessions_token_with_a_scope_in_it_is_not_taken_for_one() -> None:
    assert tokens_of().identify(signed(claims(scope="todos:read"))).scopes is None


def test_the_type_is_what_the_header_says_whatever_the_claims_say() -> None:
    now = int(time.time())
    refused(signed(claims(typ=PERSONAL_TYPE, scope="x", iat=now - DAY, exp=now + DAY)), "token_expired")
    assert tokens_of().identify(signed(claims(typ=ACCESS_TYPE, scope="x"), kind=PERSONAL_TYPE)).scopes == {
        "x"
    }


def test_its_use_is_noted_and_a_sessions_is_not() -> None:
    tokens = tokens_of()
    tokens.uses = type(tokens.uses)()
    tokens.authorize(Allow.USER, {"auth_token": signed(claims())}, "todos:read")
    for _ in range(3):
        may(tokens, personal("todos:read"), Allow.USER, "todos:read")
        may(tokens, personal("todos:read"), Allow.USER, "todos:write")
    assert tokens.uses._untold == {"t-1"}


@pytest.mark.parametrize(
    "entrypoint",
    [
        lambda scope: HttpEntrypoint("GET", "/", Allow.USER, scope=scope),
        lambda scope: RpcEntrypoint(Allow.USER, scope=scope),
    ],
)
def test_an_entrypoint_names_a_scope_that_there_is(entrypoint: Any) -> None:
    assert entrypoint("todos:read").scope == "todos:read"
    with pytest.raises(TypeError):
        entrypoint("todos:rule")
