"""Access tokens: signed here, verified everywhere by :mod:`common.identity`."""

import base64
import hashlib
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import clock, config
from common.identity import ACCESS_TYPE, AUDIENCE, ISSUER, PERSONAL_TYPE
from common.keys import BadKey, KeySet, shared_keys
from services.auth import challenges

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes tokens. ``lifetime`` and ``refresh_lifetime`` are in seconds; without keys the secret is one."""

    secret: str
    lifetime: int
    refresh_lifetime: int
    keys: KeySet | None = None
    internal_keys: KeySet | None = None

    def access_token(self, user_id: str, role: str, session_id: str) -> str:
        """A JWT that names the user, its role and its session until ``lifetime`` is over."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "sub": user_id, "role": role, "sid": session_id, "jti": str(uuid.uuid4()),
            "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + self.lifetime,
        }  # fmt: skip
        return self._keys.sign(claims, ACCESS_TYPE)

    def personal_token(
        self, user_id: str, role: str, token_id: str, scopes: list[str], days: int
    ) -> tuple[str, int]:
        """A JWT for scripts, with 256 random bits in it, and its end in Unix time.

        Its ``sid`` is its own id: it ends as a session does.
        """
        now = int(time.time())
        claims: dict[str, Any] = {
            "sub": user_id, "role": role, "sid": token_id, "jti": secrets.token_urlsafe(32),
            "scope": " ".join(scopes), "iss": ISSUER, "aud": AUDIENCE, "iat": now,
            "exp": now + days * _DAY_SECONDS,
        }  # fmt: skip
        return self._keys.sign(claims, PERSONAL_TYPE), claims["exp"]

    def refresh_token(self) -> str:
        """256 random bits; opaque to all."""
        return secrets.token_urlsafe(32)

    def successor(self, refresh_token: str) -> str:
        """What a refresh token is exchanged for: the same if an answer was lost and is asked for again.

        An HMAC (RFC 2104) of the old token: nobody without the secret can tell one from the other.
        """
        keyed = hmac.new(self.secret.encode(), b"refresh:" + refresh_token.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(keyed.digest()).decode().rstrip("=")

    def challenge(self, user_id: str, password_hash: str) -> str:
        """The first half of a login with two factors."""
        return challenges.make(self._internal_keys, user_id, password_hash)

    def read_challenge(self, challenge: str) -> dict[str, Any]:
        """The claims of a challenge; Unauthenticated for what is none."""
        return challenges.read(self._internal_keys, challenge)

    @property
    def _keys(self) -> KeySet:
        return self.keys or self._internal_keys

    @property
    def _internal_keys(self) -> KeySet:
        return self.internal_keys or KeySet(shared_keys([self.secret]))

    def pair(self, user: dict[str, Any], session_id: str, refresh_token: str) -> dict[str, Any]:
        """What a login or a refresh answers."""
        return {
            "access_token": self.access_token(user["id"], user["role"], session_id),
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": refresh_token,
            "user": user,
        }


class TokenSigner(DependencyProvider):
    """Injects a :class:`Signer` with the configured secret and lifetimes."""

    def setup(self) -> None:
        """Read the settings once; BadKey without a key that signs."""
        settings = self.container.config
        self.signer = Signer(
            config.jwt_secret(settings),
            int(clock.parse_duration(settings["JWT_EXPIRES_IN"]).total_seconds()),
            int(clock.parse_duration(settings["REFRESH_EXPIRES_IN"]).total_seconds()),
            config.access_keys(settings),
            config.internal_keys(settings),
        )
        if self.signer.keys and self.signer.keys.keys[0].signing is None:
            raise BadKey("JWT_PRIVATE_KEY has to name the key that signs")

    def get_dependency(self, worker_ctx: WorkerContext) -> Signer:
        """The signer."""
        return self.signer
