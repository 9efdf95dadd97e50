"""Which tokens prove who is calling, and which prove nothing."""

import base64
import json
import time
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import identity
from common.errors import Forbidden, Unauthenticated, Unavailable
from common.identity import (
    ACCESS_TYPE,
    AUDIENCE,
    INTERNAL_AUDIENCE,
    ISSUER,
    SERVICE_TYPE,
    Allow,
    Identity,
    Tokens,
)
from common.revocation_feed import RevocationFeed
from common.revocations import RevokedSessions
from services.auth.tokens import Signer

SECRET = "a secret that is long enough for these tests 0123456789"
OTHER = "another secret that is as long as the first one 0123456"


def tokens_of(service: str = "todos", secret: str = SECRET) -> Tokens:
    settings = {"JWT_SECRET": secret, "ENV": "production", "JWT_EXPIRES_IN": "1h"}
    tokens = Tokens()
    tokens.revocations = RevocationFeed()
    tokens.revocations.known = RevokedSessions(keep_seconds=3600)
    tokens.revocations.known.complete(time.monotonic() + 3600)
    tokens.container = SimpleNamespace(config=settings, service_name=service)
    tokens.setup()
    return tokens


TOKENS = tokens_of()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"sub": "u-1", "role": "user", "sid": "s-1", "jti": "j-1", "iat": now, "exp": now + 60}
    return {**usual, "iss": ISSUER, "aud": AUDIENCE, **changes}


def signed(
    payload: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256", kind: Any = ACCESS_TYPE
) -> str:
    return jwt.encode(payload, secret, algorithm, headers={"typ": kind})


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in claims().items() if key != name}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def refused(token: str, code: str = "invalid_token") -> None:
    with pytest.raises(Unauthenticated) as caught:
        TOKENS.identify(token)
    assert caught.value.code == code


def test_a_token_of_the_auth_service_proves_who_is_calling() -> None:
    token = Signer(SECRET, 60, 3600).access_token("u-1", "admin", "s-1")
    caller = TOKENS.identify(token)
    assert (caller.user_id, caller.role, caller.session_id) == ("u-1", "admin", "s-1")
    assert caller.is_admin
    assert caller.expires_at == pytest.approx(time.time() + 60, abs=5)


@pytest.mark.parametrize("name", ["sub", "role", "sid", "jti", "iat", "exp", "iss", "aud"])
def test_a_token_without_one_of_its_claims_proves_nothing(name: str) -> None:
    refused(signed(without(name)))


@pytest.mark.parametrize("name", ["none", "None", "NONE", ""])
def test_a_token_that_is_not_signed_proves_nothing(name: str) -> None:
    header = {"alg": name, "typ": ACCESS_TYPE}
    refused(f"{part(header)}.{part(claims())}.")
    refused(f"{part(header)}.{part(claims())}.{signed(claims()).rsplit('.', 1)[1]}")


def test_a_token_signed_with_another_key_proves_nothing() -> None:
    refused(signed(claims(), OTHER))
    refused(signed(claims(), "x" * 40))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_signed_with_another_algorithm_proves_nothing(algorithm: str) -> None:
    refused(signed(claims(), SECRET * 2, algorithm))
    refused(signed(claims(), SECRET.ljust(64, "0"), algorithm))


def test_a_token_whose_header_lies_about_its_algorithm_proves_nothing() -> None:
    body, signature = signed(claims()).split(".")[1:]
    refused(f"{part({'alg': 'HS512', 'typ': ACCESS_TYPE})}.{body}.{signature}")


def test_an_expired_token_says_so_from_its_end_on() -> None:
    now = int(time.time())
    for ago in (0, 1, 4, 60):
        refused(signed(claims(exp=now - ago)), "token_expired")


def test_a_small_difference_of_clocks_is_forgiven_where_a_token_was_just_made() -> None:
    now = int(time.time())
    assert TOKENS.identify(signed(claims(iat=now + 3)))
    refused(signed(claims(iat=now + 60)), "invalid_token")


def test_a_remembered_token_ends_when_it_says() -> None:
    token = signed(claims(exp=int(time.time()) + 1))
    assert TOKENS.identify(token)
    time.sleep(1.1)
    refused(token, "token_expired")


def test_a_token_counts_for_the_configured_lifetime_however_long_it_was_made_for() -> None:
    now = int(time.time())
    refused(signed(claims(iat=now - 3700, exp=now + 3600)), "token_expired")


def test_a_token_of_an_ended_session_proves_nothing_for_any_role() -> None:
    tokens = tokens_of()
    tokens.revocations.known.add(["s-1"])
    for role, allow in (("user", Allow.USER), ("admin", Allow.ADMIN), ("admin", Allow.USER)):
        with pytest.raises(Unauthenticated) as caught:
            tokens.authorize(allow, {"auth_token": signed(claims(role=role))})
        assert caught.value.code == "token_revoked"
    assert tokens.identify(signed(claims(sid="s-2")))


def test_who_can_not_tell_whether_a_session_has_ended_lets_nobody_in_but_knows_a_bad_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(identity, "_PATIENCE_SECONDS", 0.1)
    tokens = tokens_of()
    tokens.revocations.known = RevokedSessions(keep_seconds=3600)
    with pytest.raises(Unavailable):
        tokens.authorize(Allow.USER, {"auth_token": signed(claims())})
    with pytest.raises(Unauthenticated):
        tokens.authorize(Allow.USER, {"auth_token": "a.b.c"})
    tokens.authorize(Allow.PUBLIC, {"auth_token": signed(claims())})
    tokens.authorize(Allow.SERVICE, {"service_token": tokens.service_token()})


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody"}, {"aud": INTERNAL_AUDIENCE}, {"aud": ""}, {"aud": None}, {"iss": "users"},
        {"iss": ""}, {"iss": [ISSUER, "x"]}, {"nbf": 4_000_000_000}, {"iat": 4_000_000_000}, {"iat": "today"},
        {"exp": "never"}, {"exp": None}, {"sub": 1}, {"sub": None}, {"sub": ["u-1"]}, {"sub": {"a": 1}},
        {"role": 1}, {"role": None}, {"role": ["admin"]}, {"sid": 7}, {"sid": None}, {"jti": 5},
    ],
)  # fmt: skip
def test_a_token_with_a_wrong_claim_proves_nothing(changes: dict[str, Any]) -> None:
    header = {"alg": "HS256", "typ": ACCESS_TYPE}
    body = f"{part(header)}.{part(claims(**changes))}".encode()
    key = jwt.get_algorithm_by_name("HS256")
    signature = base64.urlsafe_b64encode(key.sign(body, SECRET.encode())).decode().rstrip("=")
    refused(f"{body.decode()}.{signature}")


@pytest.mark.parametrize("kind", ["JWT", SERVICE_TYPE, "", None, "AT+JWT "])
def test_a_token_of_another_type_is_no_access_token(kind: str | None) -> None:
    refused(signed(claims(), kind=kind))


def test_the_proof_of_a_service_is_no_access_token() -> None:
    refused(TOKENS.service_token())
    refused(signed(claims(aud=AUDIENCE), kind=SERVICE_TYPE))


def test_an_access_token_is_no_proof_of_a_service() -> None:
    for token in (
        signed(claims()),
        signed(claims(aud=INTERNAL_AUDIENCE)),
        signed(claims(), kind=SERVICE_TYPE),
    ):
        with pytest.raises(Unauthenticated):
            TOKENS.authorize(Allow.SERVICE, {"service_token": token})


def test_a_service_proves_itself_to_another_and_not_with_another_secret() -> None:
    assert TOKENS.authorize(Allow.SERVICE, {"service_token": tokens_of("auth").service_token()}) is None
    with pytest.raises(Unauthenticated):
        TOKENS.authorize(Allow.SERVICE, {"service_token": tokens_of("auth", OTHER).service_token()})


def test_without_the_proof_only_services_means_nobody_not_even_an_administrator() -> None:
    with pytest.raises(Forbidden) as caught:
        TOKENS.authorize(Allow.SERVICE, {"auth_token": signed(claims(role="admin"))})
    assert caught.value.code == "service_only"


def test_a_service_token_is_kept_for_a_while_and_then_made_anew() -> None:
    tokens = tokens_of()
    first = tokens.service_token()
    assert tokens.service_token() == first
    tokens._service_token = (first, time.time() - 1)
    assert tokens.service_token() != first


def test_each_entrypoint_serves_whom_it_names() -> None:
    user, admin = ({"auth_token": signed(claims(role=role))} for role in ("user", "admin"))
    for allowed in ((Allow.PUBLIC, {}), (Allow.USER, user), (Allow.USER, admin), (Allow.ADMIN, admin)):
        TOKENS.authorize(*allowed)
    for allow in (Allow.USER, Allow.ADMIN):
        with pytest.raises(Unauthenticated) as missing:
            TOKENS.authorize(allow, {})
        assert missing.value.code == "missing_token"
    with pytest.raises(Forbidden):
        TOKENS.authorize(Allow.ADMIN, user)


@given(st.text(max_size=100) | st.lists(st.text(max_size=20), min_size=3, max_size=5).map(".".join))
def test_any_text_is_refused_and_not_died_of(token: str) -> None:
    refused(token)


@pytest.mark.parametrize(
    "token", ["..", "a.b.c", "é.ü.ß", "\ud800.x.y", "x" * 100_000, f"{part([])}.{part([])}.x"]
)
def test_a_malformed_token_is_refused(token: str) -> None:
    refused(token)


@pytest.mark.parametrize("more", ["=", "==", "!", ".", "\n", "%3D"])
@pytest.mark.parametrize("padded", [0, 1, 2])
def test_a_token_has_one_spelling_without_padding(padded: int, more: str) -> None:
    header, payload, signature = (
        name + more * (padded == place) for place, name in enumerate(signed(claims()).split("."))
    )
    if padded < 2:
        key = jwt.get_algorithm_by_name("HS256")
        digest = key.sign(f"{header}.{payload}".encode(), SECRET.encode())
        signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    refused(f"{header}.{payload}.{signature}")


def test_an_administrator_sees_all_and_others_themselves() -> None:
    ada = Identity("ada", "user", "s", "j", 0)
    root = Identity("root", "admin", "s", "j", 0)
    assert ada.may_see("ada")
    assert not ada.may_see("bob")
    assert root.may_see("bob")
