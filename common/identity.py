"""Who is calling: tokens verified, roles enforced where an entrypoint is declared.

Identity travels in Nameko's worker context, never as an argument. Each entrypoint names whom it
serves (``@rpc(allow=Allow.USER)``), and each service checks that itself: before a worker is started,
so a forged token costs a signature check and nothing else.

A token is refused as soon as its session has ended, without a question to anyone: each process hears of
ended sessions (:mod:`common.revocation_feed`). One that has not heard in time lets nobody in.

Claims follow RFC 7519 and RFC 8725: the algorithm is the key's (:mod:`common.keys`), ``iss``, ``aud``,
``exp``, ``iat`` and ``sub`` are required, and the ``typ`` header keeps access and service tokens apart.
"""

import time
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, SharedExtension

from common import clock, config, context
from common.errors import Forbidden, Unauthenticated
from common.health import Probe, Unwell
from common.revocation_feed import RevocationFeed
from common.scopes import allows
from common.token_uses import TokenUses

ISSUER = "auth"
AUDIENCE = "suite"
INTERNAL_AUDIENCE = "suite-internal"
ACCESS_TYPE = "at+jwt"
PERSONAL_TYPE = "pat+jwt"
"""Of a personal access token: its ``sid`` is its own id, and ``scope`` (RFC 8693) says what it is for."""
SERVICE_TYPE = "svc+jwt"
_SERVICE_TOKEN_SECONDS = 300
_LEEWAY_SECONDS = 5
"""How far clocks may be apart where a token was just made. What a user holds ends when it says."""
_PATIENCE_SECONDS = 3.0
_MOST_VERIFIED = 10_000
"""How many tokens that were checked are remembered, with the time at which they end; revocation is checked
each time.
"""
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti"]


class Allow(StrEnum):
    """Whom an entrypoint serves."""

    PUBLIC = "public"
    USER = "user"
    ADMIN = "admin"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, as its verified access token tells; ``scopes`` are of a personal access token alone."""

    user_id: str
    role: str
    session_id: str
    token_id: str
    expires_at: int
    scopes: frozenset[str] | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the caller holds the administrator's role."""
        return self.role == Allow.ADMIN

    def may_see(self, user_id: str) -> bool:
        """Whether the caller is that user, or an administrator."""
        return self.is_admin or self.user_id == user_id

    def check_scope(self, scope: str) -> None:
        """Forbidden if the caller comes with a personal access token that is not for this."""
        if self.scopes is not None and not allows(self.scopes, scope):
            raise Forbidden(
                "insufficient_scope", "This access token is not for that.", {"scope": scope} if scope else {}
            )


class Tokens(SharedExtension):
    """Verifies access and service tokens, and signs service tokens, with the configured secret."""

    revocations = RevocationFeed()
    uses = TokenUses()

    def setup(self) -> None:
        """Read the settings once; nothing here does any I/O afterwards."""
        settings = self.container.config
        self.keys, self._internal_keys = config.access_keys(settings), config.internal_keys(settings)
        self._lifetime = clock.parse_duration(settings["JWT_EXPIRES_IN"]).total_seconds()
        self._service_token: tuple[str, float] | None = None
        self._verified: dict[str, tuple[Identity, float]] = {}
        self._services: dict[str, float] = {}
        self.revocations.proof = self.service_token

    @property
    def is_ready(self) -> bool:
        """Whether access tokens can be checked at once: it is known which sessions have ended."""
        return self.revocations.known.is_current

    def identify(self, token: str) -> Identity:
        """The identity that an access token proves, and whose session lives.

        Unauthenticated says why it proves none; Unavailable, that this process can't tell just now. One
        that has just started takes a moment to know.
        """
        identity = self.read(token)
        self.revocations.known.wait_for_list(_PATIENCE_SECONDS)
        self.revocations.known.check(identity.session_id)
        return identity

    def read(self, token: str) -> Identity:
        """The identity in an access token, whether or not its session has ended meanwhile."""
        known = self._verified.get(token)
        if known is not None and known[1] > time.time():
            return known[0]
        claims = self._verify(token, AUDIENCE, ACCESS_TYPE, PERSONAL_TYPE)
        is_personal = claims["typ"] == PERSONAL_TYPE
        needed = ("role", "sid", "scope") if is_personal else ("role", "sid")
        if not all(isinstance(claims.get(name), str) for name in needed):
            raise Unauthenticated("invalid_token", "The access token lacks a claim.")
        expires_at = int(claims["exp"])
        # An ended session is remembered for the configured lifetime, which may have been longer once.
        ends_at = expires_at if is_personal else min(expires_at, claims["iat"] + self._lifetime)
        if ends_at <= time.time():
            raise _expired()
        scopes = frozenset(claims["scope"].split()) if is_personal else None
        identity = Identity(claims["sub"], claims["role"], claims["sid"], claims["jti"], expires_at, scopes)
        _remember(self._verified, token, (identity, ends_at))
        return identity

    def caller(self, worker_ctx: WorkerContext) -> Identity | None:
        """The identity behind a worker's access token, None where the entrypoint is public; never raises."""
        token = worker_ctx.data.get(context.AUTH_TOKEN)
        if not token or getattr(worker_ctx.entrypoint, "allow", None) is Allow.PUBLIC:
            return None
        try:
            return self.read(token)
        except Unauthenticated:
            return None

    def service_token(self) -> str:
        """A short-lived token that tells another service which service is calling."""
        now = time.time()
        if self._service_token is None or self._service_token[1] < now:
            self._service_token = (self._sign_service(int(now)), now + _SERVICE_TOKEN_SECONDS / 2)
        return self._service_token[0]

    def authorize(self, allow: Allow, data: dict[str, Any], scope: str = "") -> Identity | None:
        """The user whom ``allow`` asks for; Unauthenticated or Forbidden if the context ``data`` has none.

        A personal access token has to be for ``scope``; without one, only a session's token will do.
        """
        if allow is Allow.PUBLIC:
            return None
        if allow is Allow.SERVICE:
            self._authorize_service(data)
            return None
        token = data.get(context.AUTH_TOKEN)
        if not token:
            raise Unauthenticated("missing_token", "This needs an access token: log in first.")
        identity = self.identify(token)
        if allow is Allow.ADMIN and not identity.is_admin:
            raise Forbidden("admin_only", "Only an administrator may do this.")
        if identity.scopes is not None:
            identity.check_scope(scope)
            self.uses.note(identity.session_id)
        return identity

    def _authorize_service(self, data: dict[str, Any]) -> None:
        token = data.get(context.SERVICE_TOKEN)
        if not token:
            raise Forbidden("service_only", "Only the suite's own services may call this.")
        if self._services.get(token, 0.0) < time.time():
            claims = self._verify(token, INTERNAL_AUDIENCE, SERVICE_TYPE)
            _remember(self._services, token, int(claims["exp"]) + _LEEWAY_SECONDS)

    def _sign_service(self, now: int) -> str:
        claims = {
            "sub": self.container.service_name, "iss": self.container.service_name, "aud": INTERNAL_AUDIENCE,
            "iat": now, "exp": now + _SERVICE_TOKEN_SECONDS, "jti": str(uuid.uuid4()),
        }  # fmt: skip
        return self._internal_keys.sign(claims, SERVICE_TYPE)

    def _verify(self, token: str, audience: str, *kinds: str) -> dict[str, Any]:
        try:
            keys = self.keys if audience == AUDIENCE else self._internal_keys
            decoded = keys.verify(
                token, audience=audience, leeway=_LEEWAY_SECONDS,
                issuer=ISSUER if audience == AUDIENCE else None, options={"require": _REQUIRED},
            )  # fmt: skip
        except jwt.ExpiredSignatureError:
            raise _expired() from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated("invalid_token", "The access token is not valid.") from None
        if (kind := decoded["header"].get("typ")) not in kinds:
            raise Unauthenticated("invalid_token", "That is not an access token.")
        return {**decoded["payload"], "typ": kind}


def _remember(known: dict[str, Any], token: str, what: Any) -> None:
    if len(known) >= _MOST_VERIFIED:
        known.clear()
    known[token] = what


def _expired() -> Unauthenticated:
    return Unauthenticated("token_expired", "The access token has expired.")


class Caller(DependencyProvider):
    """Injects the caller's :class:`Identity`, or None where the entrypoint is public.

    It never raises: an exception here would end the process, not the call. The entrypoint has
    refused a bad token before the worker was started, and a session that ends just then ends no call
    that has begun.
    """

    tokens = Tokens()
    at_start = True
    """Who has been let in stays who they are, also if their token expires before the worker asks."""

    def probes(self) -> tuple[Probe, ...]:
        """Whether this process knows which sessions have ended; else it lets nobody in."""
        return (Probe("revocations", self._probe),)

    def get_dependency(self, worker_ctx: WorkerContext) -> Identity | None:
        """The identity behind this worker's access token."""
        return self.tokens.caller(worker_ctx)

    def _probe(self) -> None:
        if not self.tokens.revocations.known.is_current:
            raise Unwell("it is not known which sessions have ended")


class PublicKeys(DependencyProvider):
    """Injects the public keys that access tokens are signed with, as a JWK set."""

    tokens = Tokens()

    def get_dependency(self, worker_ctx: WorkerContext) -> dict[str, Any]:
        """The same for every worker."""
        return self.tokens.keys.jwks()
