"""Users, sessions and tokens as the API shows them."""

from marshmallow import fields

from common.mail_kinds import PREFERENCES
from common.scopes import SCOPES
from ops.openapi.answers.shown import Shown, one_of, time, uuid
from services.users.domain import ROLES


class Account(Shown):
    """A user in short."""

    id = uuid()
    email = fields.String()
    name = fields.String()
    role = one_of(*ROLES)
    email_verified = fields.Boolean()
    created_at = time()


MailPreferences = Shown.from_dict({name: fields.Boolean() for name in PREFERENCES}, name="MailPreferences")
"""Which mails a user wants, of those that can be switched off."""


class User(Account):
    """A user; ``disabled`` and ``updated_at`` are shown to administrators only."""

    optional = ("disabled", "updated_at")
    pending_email = fields.String(
        allow_none=True, metadata={"description": "Asked for, and not confirmed by the link of its mail."}
    )
    locale = fields.String()
    preferences = fields.Nested(MailPreferences)
    disabled = fields.Boolean()
    updated_at = time()


class Registered(Shown):
    """The answer to a registration."""

    user = fields.Nested(Account)


class TokenPair(Shown):
    """The answer to a login and to a refresh."""

    access_token = fields.String(metadata={"description": "For the header `Authorization: Bearer ...`."})
    token_type = one_of("Bearer")
    expires_in = fields.Integer(metadata={"description": "Seconds.", "minimum": 1})
    refresh_token = fields.String(metadata={"description": "Good for one new pair."})
    user = fields.Nested(Account)


class Verified(Shown):
    """Whose token it is, and until when it holds."""

    valid = fields.Boolean()
    user = fields.Nested(User)
    expires_at = time()


class Session(Shown):
    """A login on one device."""

    id = uuid()
    created_at = time()
    last_used_at = time()
    expires_at = time(note="If it is not refreshed any more.")
    ip = fields.String()
    user_agent = fields.String()
    current = fields.Boolean(metadata={"description": "Whether it is the one that asks."})


class SecondFactor(Shown):
    """Whether a login takes a code."""

    enabled = fields.Boolean()
    confirmed_at = time(null=True)
    recovery_codes_left = fields.Integer(metadata={"minimum": 0})


class Enrolment(Shown):
    """A secret for an authenticator app. It is shown this once."""

    secret = fields.String(metadata={"description": "In base32, for typing."})
    uri = fields.String(metadata={"description": "As `otpauth://totp/...`."})
    qr_svg = fields.String(metadata={"description": "The URI as a QR code: an SVG element."})


class RecoveryCodes(Shown):
    """Codes in place of an app's, each good once. They are shown this once."""

    recovery_codes = fields.List(fields.String())


class AccessToken(Shown):
    """A personal access token: not the token itself."""

    id = uuid()
    name = fields.String()
    scopes = fields.List(one_of(*SCOPES))
    created_at = time()
    expires_at = time()
    last_used_at = time(null=True, note="To the minute.")


class MadeAccessToken(AccessToken):
    """A personal access token, with the token, which is shown this once."""

    token = fields.String(metadata={"description": "For the header `Authorization: Bearer ...`."})
