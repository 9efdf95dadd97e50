"""What auth takes in. Addresses and names are checked again by the user service, which owns them."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from common.schemas import EmailAddress, Locale, StrictSchema, Text

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128


class Password(fields.String):
    """8 to 128 characters of any kind, taken as they are; too short a one is told how to get better."""

    def __init__(self, **kwargs: Any) -> None:
        limits = validate.Length(
            SHORTEST_PASSWORD,
            LONGEST_PASSWORD,
            error="Use {min} to {max} characters; a few words make a good one.",
        )
        super().__init__(validate=limits, **kwargs)


class Registration(StrictSchema):
    """``{email, password, name, locale?}``."""

    email = EmailAddress(required=True)
    password = Password(required=True)
    name = Text(1, 100, required=True)
    locale = Locale()

    @validates_schema
    def not_the_address(self, data: dict[str, Any], **kwargs: Any) -> None:
        """A password that is the address or the name is the first that anyone tries."""
        if data["password"].casefold() in (data["email"].casefold(), data["name"].casefold()):
            raise ValidationError("Use something else than your address or name.", "password")


class Login(StrictSchema):
    """``{email, password}``; of any shape, so that the answer tells nothing but right or wrong."""

    email = Text(0, 320, required=True)
    password = fields.String(required=True, validate=validate.Length(max=1024))


class Refresh(StrictSchema):
    """``{refresh_token}``."""

    refresh_token = fields.String(required=True, validate=validate.Length(max=256))


class EmailToken(StrictSchema):
    """``{token}`` of a mail's link."""

    token = fields.String(required=True, validate=validate.Length(max=256))
