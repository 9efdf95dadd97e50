"""The secret of an unsubscribe link: who may have signed it, and what it is good for."""

import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from common.errors import BadRequest, Unauthenticated
from common.identity import Tokens
from common.mail_kinds import PREFERENCES
from common.redact import MASK, redact
from common.unsubscribe import AUDIENCE, TYPE, Links
from services.auth.tokens import Signer

SECRET = "a secret that is long enough for these tests 0123456789"
LINKS = Links(SECRET, "https://todos.example.com/")


def token_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


def forged(secret: str = SECRET, typ: str = TYPE, algorithm: str = "HS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "sub": "u-1",
        "preference": "todo_mails",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 60,
        **changes,
    }
    known = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(known, secret, algorithm, headers={"typ": typ})


@pytest.mark.parametrize("preference", PREFERENCES)
def test_a_link_names_its_user_and_what_it_switches_off(preference: str) -> None:
    link = LINKS.link("u-1", preference)
    assert link.startswith("https://todos.example.com/unsubscribe?token=")
    assert LINKS.read(token_of(link)) == ("u-1", preference)
    assert LINKS.read(forged()) == ("u-1", "todo_mails")


def test_a_link_holds_for_a_year() -> None:
    claims = jwt.decode(token_of(LINKS.link("u-1", "todo_mails")), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 365 * 24 * 3600


@pytest.mark.parametrize(
    "token",
    [
        "", "x", "a.b.c", "\u00e9", None, 5, ["x"], "x" * 10_000, forged(secret=SECRET[::-1]),
        forged(typ="at+jwt"),
        forged(aud="suite"), forged(exp=int(time.time()) - 1), forged(exp=None), forged(sub=None),
        forged(preference=None), forged(preference="security_mails"), forged(preference=["todo_mails"]),
        forged(preference="role"), forged(secret="", algorithm="none"), forged()[:-2],
    ],
)  # fmt: skip
def test_a_token_that_is_forged_over_or_for_something_else_is_worth_nothing(token: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        LINKS.read(token)
    assert caught.value.code == "invalid_token"


def test_a_link_lets_nobody_in_and_an_access_token_unsubscribes_nobody() -> None:
    tokens = Tokens()
    settings = {"JWT_SECRET": SECRET, "ENV": "production", "JWT_EXPIRES_IN": "1h"}
    tokens.container = SimpleNamespace(config=settings)
    tokens.setup()
    with pytest.raises(Unauthenticated):
        tokens.identify(forged())
    with pytest.raises(BadRequest):
        LINKS.read(Signer(SECRET, 60, 60).access_token("u-1", "admin", "s-1"))


def test_a_links_secret_is_masked_in_the_log() -> None:
    link = LINKS.link("u-1", "todo_mails")
    assert redact(f"GET {link}") == f"GET https://todos.example.com/unsubscribe?token={MASK}"
    assert redact({"headers": {"List-Unsubscribe": f"<{link}>"}}) != {
        "headers": {"List-Unsubscribe": f"<{link}>"}
    }
    assert token_of(link) not in repr(redact(f"<{link}>"))
