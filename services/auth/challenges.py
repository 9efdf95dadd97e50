"""The first half of a login with two factors: a short-lived proof that the password was right.

A JWT with an audience and a ``typ`` of its own (RFC 8725, 3.11 and 3.12): it lets nobody in, and no other
token stands for it. It is bound to the password that was checked.
"""

import hashlib
import time
import uuid
from typing import Any

import jwt

from common.errors import Unauthenticated
from common.identity import ISSUER
from common.keys import KeySet

AUDIENCE = "suite-second-factor"
CHALLENGE_TYPE = "2fa+jwt"
LIFETIME_SECONDS = 300
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti", "pwd"]


def make(keys: KeySet, user_id: str, password_hash: str) -> str:
    """A challenge for who knows the password with this hash."""
    now = int(time.time())
    claims = {
        "sub": user_id, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME_SECONDS,
        "jti": str(uuid.uuid4()), "pwd": _digest(password_hash),
    }  # fmt: skip
    return keys.sign(claims, CHALLENGE_TYPE)


def read(keys: KeySet, challenge: str) -> dict[str, Any]:
    """Its claims; Unauthenticated for what is none, or over."""
    try:
        decoded = keys.verify(challenge, audience=AUDIENCE, issuer=ISSUER, options={"require": _REQUIRED})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise bad_challenge() from None
    if decoded["header"].get("typ") != CHALLENGE_TYPE:
        raise bad_challenge()
    claims: dict[str, Any] = decoded["payload"]
    return claims


def fits(claims: dict[str, Any], password_hash: str, raised_from: str | None = None) -> bool:
    """Whether the password is still the one that was checked, even if its cost was raised since."""
    return claims["pwd"] in (_digest(password_hash), raised_from)


def bad_challenge() -> Unauthenticated:
    """The answer for a challenge that is none, over, or of a password that has changed since."""
    return Unauthenticated("invalid_challenge", "This login has taken too long: begin again.")


def _digest(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()
