"""Codes, their secrets at rest, and the challenge between the two halves of a login."""

import re
import time
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pyotp
import pytest

from common.errors import TooManyRequests, Unauthenticated
from common.identity import ACCESS_TYPE, ISSUER
from common.keys import KeySet, shared_keys
from services.auth import challenges
from services.auth.sealing import Seal, Unsealable
from services.auth.second_factor import SecondFactor, fingerprint, plain_code
from services.auth.tokens import Signer
from services.users import domain
from tests.unit.common.test_identity import TOKENS

SECRET = "a secret that is long enough for these tests 0123456789"
OTHER = "another secret that is as long as the first one 0123456"
KEYS = KeySet(shared_keys([SECRET]))
NOW = 1_795_000_010.0
STEP = int(NOW) // 30


@pytest.fixture
def factor() -> SecondFactor:
    return SecondFactor(Seal([SECRET]), lambda: NOW)


def signed(secret: str = SECRET, kind: str = challenges.CHALLENGE_TYPE, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "sub": "u-1", "iss": ISSUER, "aud": challenges.AUDIENCE, "iat": now, "exp": now + 60, "jti": "j",
        "pwd": "p", **changes,
    }  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret, "HS256", headers={"typ": kind})


def test_an_app_is_given_a_secret_of_160_bits_as_text_as_address_and_as_a_picture(
    factor: SecondFactor,
) -> None:
    sealed, shown = factor.enrol("ada@example.org")
    read = pyotp.parse_uri(shown["uri"])
    assert re.fullmatch("[A-Z2-7]{32}", shown["secret"])
    assert (read.secret, read.name, read.issuer) == (shown["secret"], "ada@example.org", "Todo suite")
    assert ET.fromstring(shown["qr_svg"]).tag == "{http://www.w3.org/2000/svg}svg"
    assert shown["secret"] not in sealed
    assert factor.enrol("ada@example.org")[1]["secret"] != shown["secret"]


@pytest.mark.parametrize(("drift", "found"), [(-2, None), (-1, -1), (0, 0), (1, 1), (2, None)])
def test_a_code_is_good_in_its_step_and_in_those_beside_it(
    factor: SecondFactor, drift: int, found: int | None
) -> None:
    sealed, shown = factor.enrol("ada@example.org")
    code = pyotp.TOTP(shown["secret"]).generate_otp(STEP + drift)
    assert factor.step_of(sealed, code) == (None if found is None else STEP + found)


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "-1"]
)
def test_what_is_no_code_is_none(factor: SecondFactor, code: str) -> None:
    assert factor.step_of(factor.enrol("ada@example.org")[0], code) is None


def test_a_secret_is_opened_with_the_signing_secret_it_was_sealed_with_or_a_later_one_beside_it() -> None:
    sealed = Seal([SECRET]).close("text")
    assert Seal([OTHER, SECRET]).open(sealed) == "text"
    assert Seal([SECRET]).close("text") != sealed
    for seal, text in (
        (Seal([OTHER]), sealed),
        (Seal([SECRET]), sealed[:-4] + "AAAA"),
        (Seal([SECRET]), "é"),
    ):
        with pytest.raises(Unsealable):
            seal.open(text)


def test_a_secret_that_can_not_be_opened_has_no_code() -> None:
    sealed, shown = SecondFactor(Seal([OTHER])).enrol("ada@example.org")
    assert SecondFactor(Seal([SECRET])).step_of(sealed, pyotp.TOTP(shown["secret"]).now()) is None


def test_recovery_codes_are_ten_of_120_bits_and_read_however_they_are_typed(factor: SecondFactor) -> None:
    codes, hashes = factor.recovery_codes()
    assert len(set(codes)) == len(set(hashes)) == 10
    assert all(len(plain_code(code)) == 24 for code in codes)
    assert [fingerprint(code.lower().replace("-", " ")) for code in codes] == hashes


def test_a_challenge_tells_whose_password_was_right_and_is_bound_to_it() -> None:
    signer = Signer(SECRET, 60, 60)
    claims = signer.read_challenge(signer.challenge("u-1", "$2b$old"))
    assert claims["sub"] == "u-1"
    assert challenges.fits(claims, "$2b$old")
    assert not challenges.fits(claims, "$2b$new")
    assert 0 < claims["exp"] - time.time() <= 300


@pytest.mark.parametrize(
    "challenge",
    [
        signed(OTHER), signed(kind=ACCESS_TYPE), signed(kind="JWT"), signed(aud="suite"), signed(iss="users"),
        signed(exp=int(time.time()) - 1), *(signed(**{name: None}) for name in ("sub", "exp", "jti", "pwd")),
        Signer(SECRET, 60, 60).access_token("u-1", "user", "s-1"), "", "a.b.c",
    ],
)  # fmt: skip
def test_no_other_token_is_a_challenge(challenge: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        challenges.read(KEYS, challenge)
    assert caught.value.code == "invalid_challenge"


def test_a_challenge_lets_nobody_in() -> None:
    for token in (challenges.make(KEYS, "u-1", "h"), signed(kind=ACCESS_TYPE, role="user", sid="s")):
        with pytest.raises(Unauthenticated):
            TOKENS.identify(token)


def test_waits_grow_from_half_a_minute_to_a_quarter_of_an_hour() -> None:
    waits = [domain.wait_after(failures) for failures in range(1, 12)]
    seconds = [int(wait.total_seconds()) if wait else 0 for wait in waits]
    assert seconds == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]
    assert domain.wait_after(10_000) == domain.wait_after(11)


def test_who_has_to_wait_is_told_how_long() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    domain.check_wait(None, now)
    domain.check_wait(now, now)
    with pytest.raises(TooManyRequests) as caught:
        domain.check_wait(now + timedelta(seconds=29.5), now)
    assert caught.value.details == {"retry_after": "30"}
