"""The rules about users: who may see and change what. Plain Python; the service calls, storage keeps."""

import hashlib
import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.errors import Conflict, Forbidden, NotFound, TooManyRequests, Unauthenticated
from common.identity import Identity

ROLES = ("user", "admin")
ADMIN_FIELDS = frozenset(("role", "disabled"))
SESSION_FIELDS = ADMIN_FIELDS | {"email"}
"""What can't be changed with a personal access token: who has the address can set the password."""
MOST_TOKENS = 50
VERIFY_EMAIL = "verify_email"
CHANGE_EMAIL = "change_email"
RESET_PASSWORD = "reset_password"
LIFETIMES = {
    VERIFY_EMAIL: timedelta(hours=24), CHANGE_EMAIL: timedelta(hours=24), RESET_PASSWORD: timedelta(hours=1),
}  # fmt: skip
"""How long the secret of a mail's link is good, by what it is for."""
RESET_LASTS = "1 hour"
"""The same, as the mail says it."""

TOLD_FAILURES = 5
"""So many refused logins in a row are worth a mail to the owner."""
FREE_FAILURES = 5
"""So many wrong codes in a row cost nothing but the last: its owner may mistype."""
FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS = 4, 20
"""This many times more wrong passwords are free for an account, and for an address, than for both."""
_FIRST_WAIT = timedelta(seconds=30)
_FIRST_LOGIN_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration says: how long an access token may be out when its session has ended, how long a
    session may lie unused, and how many wrong passwords are free (0: all).
    """

    tokens_live: timedelta
    idle: timedelta
    free_guesses: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """What a login was checked against: a password's hash, and whether a second factor was passed."""

    password_hash: str
    second_factor: bool = False

    def is_enough(self, password_hash: str, raised_from: str | None, needs_second_factor: bool) -> bool:
        """Whether it still is, now that the account is locked."""
        is_present = is_of_password(self.password_hash, password_hash, raised_from)
        return is_present and (self.second_factor or not needs_second_factor)


def is_of_password(checked: str, password_hash: str, raised_from: str | None) -> bool:
    """Whether a hash is the present password's: as it is kept, or as it was before its cost was raised."""
    return checked == password_hash or fingerprint(checked) == raised_from


def not_found() -> NotFound:
    """The one answer for a user that is not there, or not the caller's to see."""
    return NotFound("user_not_found", "There is no such user.")


def no_such_session() -> NotFound:
    """The answer for a session that is not there, or not the caller's."""
    return NotFound("session_not_found", "There is no such session.")


def no_such_token() -> NotFound:
    """The answer for a personal access token that is not there, or not the caller's."""
    return NotFound("token_not_found", "There is no such token.")


def session_is_over() -> Unauthenticated:
    """The answer to who asks for a token while the own session ends."""
    return Unauthenticated("token_revoked", "This access token's session has ended: log in again.")


def check_token_count(count: int) -> None:
    """Conflict for one token too many."""
    if count >= MOST_TOKENS:
        raise Conflict("too_many_tokens", f"There are {MOST_TOKENS} tokens already: end one first.")


def check_may_see(caller: Identity, user_id: str) -> None:
    """Everyone sees themselves; an administrator sees all. For others a user is simply not there.

    An administrator's personal access token needs a scope for others.
    """
    if not caller.may_see(user_id):
        raise not_found()
    if caller.user_id != user_id:
        caller.check_scope("users:read")


def check_changes(caller: Identity, changes: dict[str, Any]) -> None:
    """Only an administrator sets what gives or takes power, and no token of theirs; nor the address."""
    if not SESSION_FIELDS.isdisjoint(changes):
        caller.check_scope("")
    wanted = ADMIN_FIELDS & changes.keys()
    if wanted and not caller.is_admin:
        raise Forbidden("admin_only", f"Only an administrator may set {' and '.join(sorted(wanted))}.")


def loses_admin(role: str, disabled: bool, changes: dict[str, Any]) -> bool:
    """Whether these changes take an active administrator away."""
    is_one = role == "admin" and not disabled
    return is_one and (changes.get("role", role) != "admin" or changes.get("disabled", disabled))


def ends_sessions(changed: Iterable[str]) -> bool:
    """Whether who is changed so has to log in again: access tokens carry the role of their time."""
    return not ADMIN_FIELDS.isdisjoint(changed)


def check_admins_left(others: int) -> None:
    """The last active administrator can't be demoted, disabled or deleted."""
    if others < 1:
        raise Conflict("last_admin", "This is the last administrator: appoint another one first.")


def taken() -> Conflict:
    """The one answer for an address that has an account."""
    return Conflict("email_taken", "There is already an account with this e-mail address.")


def new_secret() -> str:
    """256 bits for a link or a refresh token, safe in a URL."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """How a random secret is kept: its SHA-256 in hex (fast is right here: 256 bits can't be guessed)."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def fingerprint_of(*parts: str) -> str:
    """How what is only compared is kept: one hash of several texts."""
    return fingerprint("\0".join(parts))


def second_factor_is_on() -> Conflict:
    """The answer to who asks for another second factor while there is one."""
    return Conflict("second_factor_is_on", "There is a second factor already: switch it off first.")


def second_factor_is_off() -> Conflict:
    """The answer to what needs a second factor where there is none."""
    return Conflict("second_factor_is_off", "There is no second factor.")


def wait_after(failures: int) -> timedelta | None:
    """How long to wait after so many wrong codes in a row: 30 s after the fifth, twice as long each time."""
    return _growing(failures, FREE_FAILURES, _FIRST_WAIT)


def login_wait(failures: int, free: int) -> timedelta | None:
    """The same for wrong passwords: a second after as many as are free, and twice as long each time."""
    return _growing(failures, free, _FIRST_LOGIN_WAIT)


def check_login_wait(waits: Iterable[datetime | None], now: datetime) -> None:
    """TooManyRequests while any of these waits is not over."""
    until = max(filter(None, waits), default=now)
    if until > now:
        seconds = math.ceil((until - now).total_seconds())
        raise TooManyRequests(
            "too_many_guesses",
            f"Too many wrong passwords: try again in {seconds} s.",
            {"retry_after": str(seconds)},
        )


def check_wait(until: datetime | None, now: datetime) -> None:
    """TooManyRequests while a wait is not over."""
    if until and until > now:
        seconds = math.ceil((until - now).total_seconds())
        raise TooManyRequests(
            "too_many_codes",
            f"Too many wrong codes: try again in {seconds} s.",
            {"retry_after": str(seconds)},
        )


def _growing(failures: int, free: int, first: timedelta) -> timedelta | None:
    if failures < free:
        return None
    return min(_LONGEST_WAIT, first * (1 << min(failures - free, 10)))
