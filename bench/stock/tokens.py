"""Access tokens, made by ``auth`` and verified by everybody."""

import time
import uuid
from typing import Any

import jwt
from nameko.extensions import DependencyProvider

ISSUER, AUDIENCE, LIFETIME = "auth", "suite", 24 * 3600


class BadToken(Exception):
    """A token that is no token of ours, or has expired."""


class Tokens(DependencyProvider):
    """Injects this provider itself."""

    def setup(self) -> None:
        """Read the secret once."""
        self.secret = self.container.config["JWT_SECRET"]

    def get_dependency(self, worker_ctx: Any) -> "Tokens":
        """The same for every worker."""
        return self

    def make(self, user_id: str, role: str, session_id: str) -> str:
        """A token for this login."""
        now = int(time.time())
        claims = {
            "sub": user_id, "role": role, "sid": session_id, "jti": str(uuid.uuid4()),
            "iat": now, "exp": now + LIFETIME, "iss": ISSUER, "aud": AUDIENCE,
        }  # fmt: skip
        return jwt.encode(claims, self.secret, algorithm="HS256")

    def verify(self, token: str) -> dict[str, Any]:
        """The token's claims; BadToken if it is not valid."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self.secret, algorithms=["HS256"], issuer=ISSUER, audience=AUDIENCE
            )
        except jwt.InvalidTokenError as problem:
            raise BadToken(str(problem)) from None
        return claims
