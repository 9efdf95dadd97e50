"""The secret of a mail's unsubscribe link: it names a user and what it switches off, and nothing else.

It is a JWT, so that nothing has to be kept for a mail: the notification service signs, the user service
verifies. Audience and ``typ`` keep it apart from tokens that let somebody in.
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import jwt
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import config
from common.errors import BadRequest
from common.keys import KeySet, shared_keys
from common.mail_kinds import PREFERENCES

AUDIENCE = "suite-unsubscribe"
TYPE = "unsubscribe+jwt"
LIFETIME_SECONDS = 365 * 24 * 3600
_HOUR = 3600
_REQUIRED = ["exp", "iat", "sub", "aud"]


@dataclass(frozen=True, slots=True)
class Links:
    """Signs and reads unsubscribe links under the address where people reach the suite."""

    secret: str
    public_url: str
    previous: tuple[str, ...] = ()

    def link(self, user_id: str, preference: str) -> str:
        """The address that switches this preference of this user off, for a year."""
        hour = int(time.time()) // _HOUR * _HOUR
        return self.address(_signed(self.secret, user_id, preference, hour))

    def address(self, token: str) -> str:
        """Where a token leads."""
        return f"{self.public_url.rstrip('/')}/unsubscribe?token={quote(token, safe='')}"

    def read(self, token: Any) -> tuple[str, str]:
        """User and preference of a link's token; BadRequest for one that is forged, over, or none."""
        try:
            found = self._keys.verify(token, audience=AUDIENCE, options={"require": _REQUIRED})
        except (jwt.PyJWTError, ValueError, TypeError):
            raise bad_link() from None
        user_id, preference = found["payload"]["sub"], found["payload"].get("preference")
        if found["header"].get("typ") != TYPE or preference not in PREFERENCES:
            raise bad_link()
        return user_id, preference

    @property
    def _keys(self) -> KeySet:
        return KeySet(shared_keys([self.secret, *self.previous]))


@lru_cache(maxsize=1024)
def _signed(secret: str, user_id: str, preference: str, now: int) -> str:
    """Within an hour all mails of a kind to a user carry the same token."""
    claims = {
        "sub": user_id, "preference": preference, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME_SECONDS,
    }  # fmt: skip
    return KeySet(shared_keys([secret])).sign(claims, TYPE)


class UnsubscribeLinks(DependencyProvider):
    """Injects :class:`Links`."""

    def setup(self) -> None:
        """Read the settings once."""
        settings = self.container.config
        secret, *previous = config.jwt_secrets(settings)
        self.links = Links(secret, settings["PUBLIC_URL"], tuple(previous))

    def get_dependency(self, worker_ctx: WorkerContext) -> Links:
        """The same for every worker."""
        return self.links


def bad_link() -> BadRequest:
    """The one answer for a token that is worth nothing."""
    return BadRequest("invalid_token", "This link is not valid any more: choose your mails in your profile.")
