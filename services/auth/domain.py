"""The rules of logging in."""

from typing import Any

from common.errors import BadRequest, Unauthenticated, ValidationFailed
from common.schemas import invalid


def wrong_credentials() -> Unauthenticated:
    """One answer for an unknown address, a wrong password and a disabled account: it tells nothing more."""
    return Unauthenticated("invalid_credentials", "E-mail address or password is wrong.")


def bad_refresh_token() -> Unauthenticated:
    """The answer for a refresh token that is unknown, over, or used before."""
    return Unauthenticated("invalid_refresh_token", "The refresh token is not valid: log in again.")


def bad_link() -> BadRequest:
    """The answer for a mail's link that is unknown, used or over."""
    return BadRequest("invalid_token", "This link is not valid any more: ask for a new one.")


def second_factor_required(challenge: str, seconds: int) -> Unauthenticated:
    """The answer to a right password where a second factor is on."""
    return Unauthenticated(
        "second_factor_required", "The password is right. Send the challenge with a code.",
        {"challenge": challenge, "expires_in": seconds},
    )  # fmt: skip


def wrong_code() -> Unauthenticated:
    """The answer to a code that is wrong, over, or was used before, at a login."""
    return Unauthenticated("invalid_code", "The code is wrong or was used before: take the next one.")


def refused_code() -> ValidationFailed:
    """The same for who is logged in: no 401, since the caller's token is good."""
    return invalid({"code": ["The code is wrong or was used before: take the next one."]})


def wrong_password() -> ValidationFailed:
    """The answer for a wrong current password: no 401, since the caller's token is good."""
    return invalid({"current_password": ["This is not your password."]})


def may_log_in(known: dict[str, Any] | None, password_is_right: bool) -> bool:
    """Only an account that is there and enabled, with its own password."""
    return known is not None and password_is_right and not known["disabled"]


def why_not(known: dict[str, Any] | None, password_is_right: bool) -> str:
    """Why a login was refused, for the audit log; the caller is not told."""
    if known is None:
        return "unknown_account"
    return "disabled" if password_is_right else "wrong_password"
