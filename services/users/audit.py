"""What the audit log says: which events there are, and who brought one about from where."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.client_info import Client, client_of, plain
from common.identity import Identity

SUCCEEDED, REFUSED = "succeeded", "refused"
OUTCOMES = (SUCCEEDED, REFUSED)
_LONGEST_REQUEST_ID = 128


class Audited(StrEnum):
    """Every security event. ``login`` and others may be refused; most are only told when they succeed."""

    REGISTERED = "registered"
    LOGIN = "login"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    SESSION_ENDED = "session_ended"
    ALL_SESSIONS_ENDED = "all_sessions_ended"
    PASSWORD_RESET_REQUESTED = "password_reset_requested"
    PASSWORD_RESET = "password_reset"
    PASSWORD_CHANGED = "password_changed"
    EMAIL_VERIFIED = "email_verified"
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    ROLE_CHANGED = "role_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    USER_DELETED = "user_deleted"
    DATA_EXPORTED = "data_exported"
    SECOND_FACTOR = "second_factor"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODE_USED = "recovery_code_used"
    TOKEN_MADE = "token_made"
    TOKEN_ENDED = "token_ended"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a call came, and whose verified token it carried (none for what is public)."""

    request_id: str
    client: Client
    actor_id: str | None = None


def origin_of(data: dict[str, Any], request_id: str, caller: Identity | None) -> Origin:
    """The origin that a worker's context tells of."""
    told = plain(request_id)[:_LONGEST_REQUEST_ID]
    return Origin(told, client_of(data), caller.user_id if caller else None)


def changes_audited(changed: dict[str, Any]) -> list[tuple[Audited, dict[str, Any]]]:
    """The security events in a user's changes, with what may be told of each: no personal data."""
    found: list[tuple[Audited, dict[str, Any]]] = []
    if "email" in changed:
        found.append((Audited.EMAIL_CHANGED, {}))
    if "role" in changed:
        found.append((Audited.ROLE_CHANGED, {"role": changed["role"]}))
    if "disabled" in changed:
        found.append((Audited.USER_DISABLED if changed["disabled"] else Audited.USER_ENABLED, {}))
    return found
