"""What auth takes in. Addresses and names are checked again by the user service, which owns them."""

import re
import unicodedata
from functools import cache
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from common.schemas import EmailAddress, Locale, StrictSchema, Text, WholeNumber
from common.scopes import SCOPES

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128
LONGEST_GIVEN_PASSWORD = 1024
"""Of a password that is only compared: any shape gets the one answer, right or wrong."""
SHORTEST_OWN_WORD = 4
"""Of an address or a name: shorter parts stand in any text."""
LONGEST_CHALLENGE = 2048
LONGEST_CODE = 64
COMMON = "This is one of the commonest passwords: use a few words that nobody would guess together."
OWN_WORDS = "Use something else than your address or name."


@cache
def _common() -> frozenset[str]:
    return frozenset(one for one in FREQUENCY_LISTS["passwords"] if len(one) >= SHORTEST_PASSWORD)


def refuse_common(password: str) -> None:
    """A password of the list of the commonest is the second that anyone tries, in capitals as well."""
    if password.casefold().strip() in _common():
        raise ValidationError(COMMON)


def is_address_or_name(password: str, account: dict[str, Any]) -> bool:
    """Whether a password is made of the account's address or name, and hardly anything else."""
    given, own = password.casefold(), (account["email"].casefold(), account["name"].casefold())
    words = [word for word in re.split(r"[\W_]+", " ".join(own)) if len(word) >= SHORTEST_OWN_WORD]
    left = given
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, "")
    return given in own or (left != given and sum(one.isalpha() for one in left) < SHORTEST_OWN_WORD)


class Password(fields.String):
    """8 to 128 characters of any kind, taken as they are; too short a one is told how to get better."""

    def __init__(self, **kwargs: Any) -> None:
        limits = validate.Length(
            SHORTEST_PASSWORD,
            LONGEST_PASSWORD,
            error="Use {min} to {max} characters; a few words make a good one.",
        )
        super().__init__(validate=[limits, refuse_common], **kwargs)


class Registration(StrictSchema):
    """``{email, password, name, locale?}``."""

    email = EmailAddress(required=True)
    password = Password(required=True)
    name = Text(1, 100, required=True)
    locale = Locale()

    @validates_schema
    def not_the_address(self, data: dict[str, Any], **kwargs: Any) -> None:
        """A password that is the address or the name is the first that anyone tries."""
        if is_address_or_name(data["password"], data):
            raise ValidationError(OWN_WORDS, "password")


class Login(StrictSchema):
    """``{email, password}``; of any shape, so that the answer tells nothing but right or wrong."""

    email = Text(0, 320, required=True)
    password = fields.String(required=True, validate=validate.Length(max=LONGEST_GIVEN_PASSWORD))


class SecondFactorLogin(StrictSchema):
    """``{challenge, code}``: what the login has answered, and an app's code or a recovery code."""

    challenge = fields.String(required=True, validate=validate.Length(max=LONGEST_CHALLENGE))
    code = fields.String(required=True, validate=validate.Length(max=LONGEST_CODE))


class Code(StrictSchema):
    """``{code}``: an app's code, or where a second factor is on a recovery code."""

    code = fields.String(required=True, validate=validate.Length(max=LONGEST_CODE))


class PresentPassword(StrictSchema):
    """``{current_password}``."""

    current_password = fields.String(required=True, validate=validate.Length(max=LONGEST_GIVEN_PASSWORD))


class NewAccessToken(StrictSchema):
    """``{name, scopes, expires_in_days?}``: what a personal access token is for, and for how long."""

    name = Text(1, 100, required=True)
    scopes = fields.List(
        fields.String(validate=validate.OneOf(SCOPES)),
        required=True, validate=validate.Length(1, len(SCOPES)),
    )  # fmt: skip
    expires_in_days = WholeNumber(load_default=90, validate=validate.Range(1, 366))


class Refresh(StrictSchema):
    """``{refresh_token}``."""

    refresh_token = fields.String(required=True, validate=validate.Length(max=256))


class EmailToken(StrictSchema):
    """``{token}`` of a mail's link."""

    token = fields.String(required=True, validate=validate.Length(max=256))


class PasswordForgotten(StrictSchema):
    """``{email}``."""

    email = EmailAddress(required=True)


class PasswordReset(EmailToken):
    """``{token, password}``: the token of a mail's link, and the new password."""

    password = Password(required=True)


class PasswordChange(StrictSchema):
    """``{current_password, new_password}``."""

    current_password = fields.String(required=True, validate=validate.Length(max=LONGEST_GIVEN_PASSWORD))
    new_password = Password(required=True)

    @validates_schema
    def another_one(self, data: dict[str, Any], **kwargs: Any) -> None:
        """The password that one has is no new one; NFC, as it is hashed."""
        old, new = (unicodedata.normalize("NFC", data[key]) for key in ("current_password", "new_password"))
        if old == new:
            raise ValidationError("Use another one than the present one.", "new_password")
