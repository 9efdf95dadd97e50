"""What the user service takes in and shows: never the row itself, never the password's hash."""

from typing import Any

from marshmallow import fields, validate

from common import clock
from common.schemas import EmailAddress, StrictBoolean, StrictSchema, Text
from services.users.domain import ROLES
from services.users.models import SessionRow, User

LONGEST_NAME = 100


class NewUser(StrictSchema):
    """What auth hands over at a registration; the password is hashed by then."""

    email = EmailAddress(required=True)
    name = Text(1, LONGEST_NAME, required=True)
    password_hash = fields.String(required=True, validate=validate.Length(max=200))


class UserChanges(StrictSchema):
    """PATCH: the fields that may change. ``role`` and ``disabled`` are an administrator's."""

    email = EmailAddress()
    name = Text(1, LONGEST_NAME)
    role = fields.String(validate=validate.OneOf(ROLES))
    disabled = StrictBoolean()


class UserReplacement(UserChanges):
    """PUT: email and name are needed; what an administrator may set is kept where it is missing."""

    email = EmailAddress(required=True)
    name = Text(1, LONGEST_NAME, required=True)


class UserQuery(StrictSchema):
    """The query of a list: ``q`` looks in name and address, ``cursor`` is where the last page ended."""

    q = Text(0, 100)
    role = fields.String(validate=validate.OneOf(ROLES))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 100))
    cursor = fields.String(load_default=None)
    count = fields.String(load_default="false", validate=validate.OneOf(["true", "false"]))


def show_user(user: User, *, to_admin: bool = False) -> dict[str, Any]:
    """A user as its owner sees it; an administrator also sees whether it is disabled, and its last change."""
    shown = {
        "id": str(user.id),
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "email_verified": user.email_verified,
        "created_at": clock.to_text(user.created_at),
    }
    if to_admin:
        shown |= {"disabled": user.disabled, "updated_at": clock.to_text(user.updated_at)}
    return shown


def show_session(session: SessionRow, current: str) -> dict[str, Any]:
    """A session as its owner sees it."""
    return {
        "id": str(session.id),
        "created_at": clock.to_text(session.created_at),
        "last_used_at": clock.to_text(session.last_used_at),
        "expires_at": clock.to_text(session.expires_at),
        "ip": session.ip,
        "user_agent": session.user_agent,
        "current": str(session.id) == current,
    }
