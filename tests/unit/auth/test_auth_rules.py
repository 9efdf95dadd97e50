"""Registration, login and tokens, without a server."""

import time
from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from common import context
from common.client_info import ClientInfo
from common.errors import ValidationFailed
from common.schemas import load
from services.auth import domain
from services.auth.passwords import Hasher
from services.auth.schemas import (
    EmailToken,
    Login,
    PasswordChange,
    PasswordForgotten,
    PasswordReset,
    Refresh,
    Registration,
)
from services.auth.tokens import Signer, TokenSigner

GOOD = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}


def fields_refused(schema: Any, data: dict[str, Any]) -> set[str]:
    with pytest.raises(ValidationFailed) as caught:
        load(schema, data)
    return set(caught.value.details)


def test_a_registration_is_an_address_a_password_and_a_name() -> None:
    assert load(Registration, GOOD) == GOOD
    assert fields_refused(Registration, {}) == {"email", "password", "name"}


@pytest.mark.parametrize("password", ["", "seven77", "x" * 129, None, 12345678, ["correct horse"]])
def test_a_password_too_short_too_long_or_none_is_refused(password: object) -> None:
    assert fields_refused(Registration, {**GOOD, "password": password}) == {"password"}


@pytest.mark.parametrize(
    "password", ["8 chars!", "x" * 128, "  spaces  ", "пароль-пароль", "\U0001f600" * 8, "nul\0nul\0"]
)
def test_any_eight_to_128_characters_are_a_password_taken_as_they_are(password: str) -> None:
    assert load(Registration, {**GOOD, "password": password})["password"] == password


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "qwertyuiop", "12345678", " iloveyou1 "])
def test_the_commonest_passwords_are_refused_however_they_are_written(password: str) -> None:
    for schema, field, more in (
        (Registration, "password", GOOD),
        (PasswordReset, "password", {"token": "t"}),
        (PasswordChange, "new_password", {"current_password": "x"}),
    ):
        assert fields_refused(schema, {**more, field: password}) == {field}


@pytest.mark.parametrize(
    "data", [{"password": "ADA@example.com"}, {"password": "ada lovelace", "name": "Ada Lovelace"}]
)
def test_the_own_address_or_name_is_no_password(data: dict[str, Any]) -> None:
    assert fields_refused(Registration, GOOD | data) == {"password"}


@pytest.mark.parametrize(
    "password", ["lovelace1815", "Ada.Lovelace!", "LOVELACE-ADA", "example2026", "1234lovelaceXY"]
)
def test_nor_is_what_is_made_of_them_and_hardly_anything_else(password: str) -> None:
    data = {"email": "ada.lovelace@example.com", "name": "Ada Lovelace", "password": password}
    assert fields_refused(Registration, data) == {"password"}


@pytest.mark.parametrize(
    "password", ["lovelace writes notes", "ada ada ada ada", "12345 67890 !", "engine № 1842"]
)
def test_a_password_that_has_more_to_it_is_taken(password: str) -> None:
    data = {"email": "ada.lovelace@example.com", "name": "Ada Lovelace", "password": password}
    assert load(Registration, data)["password"] == password


@pytest.mark.parametrize("extra", ["role", "id", "email_verified", "password_hash"])
def test_nobody_registers_with_more_than_that(extra: str) -> None:
    assert fields_refused(Registration, {**GOOD, extra: "admin"}) == {extra}


def test_a_login_takes_any_shape_of_address_so_that_the_answer_tells_nothing() -> None:
    assert load(Login, {"email": "not an address", "password": ""})
    assert fields_refused(Login, {"email": 1, "password": None}) == {"email", "password"}


def test_a_password_is_set_by_a_token_and_changed_by_the_present_one() -> None:
    assert load(PasswordForgotten, {"email": "Ada@EXAMPLE.com"})
    assert fields_refused(PasswordForgotten, {"email": "nobody"}) == {"email"}
    assert fields_refused(PasswordReset, {"password": "short"}) == {"token", "password"}
    assert fields_refused(PasswordChange, {}) == {"current_password", "new_password"}
    assert load(PasswordChange, {"current_password": "", "new_password": "correct horse"})


@pytest.mark.parametrize(
    ("old", "new"), [("correct horse", "correct horse"), ("caf\u00e9 noir", "cafe\u0301 noir")]
)
def test_the_present_password_is_no_new_one_however_its_letters_are_composed(old: str, new: str) -> None:
    assert fields_refused(PasswordChange, {"current_password": old, "new_password": new}) == {"new_password"}


@pytest.mark.parametrize(("schema", "field"), [(Refresh, "refresh_token"), (EmailToken, "token")])
def test_a_secret_is_a_text_of_sane_length(schema: Any, field: str) -> None:
    assert load(schema, {field: "x" * 256})
    for wrong in ("x" * 257, None, 5, ["x"]):
        assert fields_refused(schema, {field: wrong}) == {field}


@pytest.mark.parametrize(
    ("known", "right", "may"),
    [
        ({"disabled": False}, True, True),
        ({"disabled": False}, False, False),
        ({"disabled": True}, True, False),
        (None, True, False),
    ],
)
def test_only_an_enabled_account_with_its_password_logs_in(known: Any, right: bool, may: bool) -> None:
    assert domain.may_log_in(known, right) is may


def test_without_an_account_a_password_is_checked_all_the_same_and_wrong() -> None:
    hasher = Hasher(4)
    assert hasher.verify("correct horse", hasher.hash("correct horse"))
    assert hasher.verify("correct horse", None) is False


def test_an_access_token_names_user_role_session_and_end() -> None:
    token = Signer("s" * 40, 900, 3600).access_token("u-1", "user", "s-1")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) == {"sub", "role", "sid", "jti", "iat", "exp", "iss", "aud"}
    assert claims["exp"] - claims["iat"] == 900
    assert claims["iat"] == pytest.approx(time.time(), abs=5)
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], set(header)) == ("HS256", "at+jwt", {"alg", "typ", "kid"})


def test_two_tokens_of_one_session_differ() -> None:
    signer = Signer("s" * 40, 900, 3600)
    assert signer.access_token("u", "user", "s") != signer.access_token("u", "user", "s")
    assert signer.refresh_token() != signer.refresh_token()


def test_the_lifetimes_are_those_of_the_settings(config: dict[str, Any]) -> None:
    provider = TokenSigner()
    provider.container = SimpleNamespace(
        config=config | {"JWT_EXPIRES_IN": "15m", "REFRESH_EXPIRES_IN": "30d"}
    )
    provider.setup()
    pair = provider.signer.pair({"id": "u", "role": "user"}, "s", "refresh")
    assert (pair["expires_in"], pair["token_type"]) == (900, "Bearer")
    assert provider.signer.refresh_lifetime == 30 * 86400


def test_a_program_that_calls_itself_strange_names_is_kept_plain_and_short() -> None:
    data = {context.CLIENT_IP: "203.0.113.7", context.USER_AGENT: "Evil\0\r\n\x1b[31m" + "x" * 500}
    client = ClientInfo().get_dependency(SimpleNamespace(data=data))
    assert client.ip == "203.0.113.7"
    assert client.user_agent.startswith("Evil[31mxxx")
    assert len(client.user_agent) == 256
    assert ClientInfo().get_dependency(SimpleNamespace(data={})).user_agent == ""
