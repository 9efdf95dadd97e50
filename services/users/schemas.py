"""What the user service takes in and shows: never the row itself, never the password's hash."""

from datetime import datetime
from typing import Any

from marshmallow import fields, post_load, validate

from common import clock
from common.locales import DEFAULT_LOCALE
from common.mail_kinds import PREFERENCES
from common.schemas import Cursor, EmailAddress, Limit, Locale, StrictBoolean, StrictSchema, Text, Timestamp
from services.users.audit import Audited
from services.users.domain import ROLES
from services.users.models import AccessToken, AuditLine, AuditOrigin, SessionRow, User

LONGEST_NAME = 100
ID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class NewUser(StrictSchema):
    """What auth hands over at a registration; the password is hashed by then."""

    email = EmailAddress(required=True)
    name = Text(1, LONGEST_NAME, required=True)
    password_hash = fields.String(required=True, validate=validate.Length(max=200))
    locale = Locale(load_default=DEFAULT_LOCALE)


Preferences = StrictSchema.from_dict({name: StrictBoolean() for name in PREFERENCES}, name="Preferences")
"""``{"todo_mails": false}``: which mails a user wants, of those that can be switched off."""


class UserChanges(StrictSchema):
    """PATCH: the fields that may change. ``role`` and ``disabled`` are an administrator's.

    Another ``email`` waits for its confirmation; the present one takes such a wish back.
    """

    email = EmailAddress()
    name = Text(1, LONGEST_NAME)
    locale = Locale()
    preferences = fields.Nested(Preferences)
    role = fields.String(validate=validate.OneOf(ROLES))
    disabled = StrictBoolean()

    @post_load
    def merge_preferences(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Each preference becomes a change of its own: what is not named stays as it is."""
        preferences = data.pop("preferences", {})
        return {**data, **preferences}


class UserReplacement(UserChanges):
    """PUT: email and name are needed; locale, preferences and what an administrator sets may be missing."""

    email = EmailAddress(required=True)
    name = Text(1, LONGEST_NAME, required=True)


class UserQuery(StrictSchema):
    """The query of a list: ``q`` looks in name and address, ``cursor`` is where the last page ended."""

    q = Text(0, 100)
    role = fields.String(validate=validate.OneOf(ROLES))
    limit = Limit(load_default=50)
    cursor = Cursor(load_default=None)
    count = fields.String(load_default="false", validate=validate.OneOf(["true", "false"]))


class AuditQuery(StrictSchema):
    """The query of the audit log: of or by a user, of an event, from ``since`` until before ``until``."""

    user_id = fields.String(validate=validate.Regexp(ID, error="Not an id."))
    event = fields.String(validate=validate.OneOf([*Audited]))
    since = Timestamp()
    until = Timestamp()
    limit = Limit(load_default=50)
    cursor = Cursor(load_default=None)


class OwnAuditQuery(StrictSchema):
    """The query of one's own lines."""

    limit = Limit(load_default=50)
    cursor = Cursor(load_default=None)


def show_account(user: User) -> dict[str, Any]:
    """A user in short, as the answers to a registration and a login have it."""
    return {
        "id": str(user.id),
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "email_verified": user.email_verified,
        "created_at": clock.to_text(user.created_at),
    }


def show_user(user: User, *, to_admin: bool = False) -> dict[str, Any]:
    """A user as its owner sees it; an administrator also sees whether it is disabled, and its last change."""
    shown = {
        **show_account(user), "pending_email": user.pending_email, "locale": user.locale,
        "preferences": user.preferences,
    }  # fmt: skip
    if to_admin:
        shown |= {"disabled": user.disabled, "updated_at": clock.to_text(user.updated_at)}
    return shown


def show_session(session: SessionRow, ends: datetime, current: str) -> dict[str, Any]:
    """A session as its owner sees it, with its end if it is not refreshed any more."""
    return {
        "id": str(session.id),
        "created_at": clock.to_text(session.created_at),
        "last_used_at": clock.to_text(session.last_used_at),
        "expires_at": clock.to_text(ends),
        "ip": session.ip,
        "user_agent": session.user_agent,
        "current": str(session.id) == current,
    }


def show_access_token(token: AccessToken) -> dict[str, Any]:
    """A personal access token as its owner sees it: not the token itself."""
    return {
        "id": str(token.id),
        "name": token.name,
        "scopes": token.scopes,
        "created_at": clock.to_text(token.created_at),
        "expires_at": clock.to_text(token.expires_at),
        "last_used_at": clock.to_text(token.last_used_at),
    }


def show_audited(line: AuditLine, origin: AuditOrigin | None) -> dict[str, Any]:
    """A line of the audit log; from where is null once its owner is deleted."""
    return {
        "id": str(line.id),
        "at": clock.to_text(line.at),
        "event": line.event,
        "outcome": line.outcome,
        "user_id": str(line.user_id) if line.user_id else None,
        "actor_id": str(line.actor_id) if line.actor_id else None,
        "ip": origin.ip if origin else None,
        "user_agent": origin.user_agent if origin else None,
        "request_id": line.request_id,
        "details": line.details,
    }


def own_origin(origin: AuditOrigin | None, user_id: str) -> AuditOrigin | None:
    """From where, if it is that user's: an administrator's address is not theirs to know."""
    return origin if origin and str(origin.owner_id) == user_id else None
