"""Shapes that come in: marshmallow schemas that refuse what they don't know, and say why by field."""

import re
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any, ClassVar, NoReturn

from marshmallow import RAISE, Schema, ValidationError, fields, missing, validate

from common.addresses import read_email
from common.errors import ValidationFailed
from common.locales import read_locale

LONGEST_CURSOR = 4096
MOST_ERRORS = 20
"""So many wrong fields are told: a person reads no more, and a body of wrong keys is not sent back longer."""
UNSEEN = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
"""What shows nothing, besides spaces: Unicode's ``Default_Ignorable_Code_Point`` (zero-width signs, marks of
direction, Hangul fillers), blank Braille. Of the first 65,536 signs, as an OpenAPI document can name them."""
_MORE_UNSEEN = r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_NOTHING = re.compile(rf"[\s{UNSEEN}{_MORE_UNSEEN}]*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Unicode's categories Cc and Cs, in the latter without line breaks and tabs."""
_RFC_3339 = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]+)?)?"
    "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
UNKNOWN = "Unknown or read-only field."
NO_CURSOR = "Not a cursor of this list: follow the Link header."


class StrictSchema(Schema):
    """A schema that refuses unknown and read-only fields instead of dropping them."""

    error_messages = {"unknown": UNKNOWN, "type": "This must be an object."}
    compared: ClassVar[frozenset[str]] = frozenset()
    """A schema with hooks may name fields here: unless all of them are given, no hook has anything to do."""

    class Meta:
        unknown = RAISE

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        all_of = self.load_fields.values()
        self._has_hooks = any(self._hooks.values())
        self._is_simple = not any(_has_extras(one) for one in all_of)
        self._matter_unsaid = {one.name for one in all_of if one.required or one.load_default is not missing}

    def read(self, data: Any) -> dict[str, Any] | None:
        """What ``load`` gives, in a quarter of the time; None for what it would refuse, or hooks look at.

        Most input is right, and marshmallow's own way is made for gathering what is wrong.
        """
        if not self._is_simple or type(data) is not dict or not data.keys() <= self.load_fields.keys():
            return None
        if not self._matter_unsaid <= data.keys() or (self._has_hooks and self.compared <= data.keys()):
            return None
        try:
            return {name: take(one, data[name]) for name, one in self.load_fields.items() if name in data}
        except ValidationError:
            return None


def _has_extras(one: fields.Field[Any]) -> bool:
    return bool(one.data_key or one.attribute or one.pre_load or one.post_load)


def take(one: fields.Field[Any], value: Any) -> Any:
    """A value as a field reads it that does nothing before and after; ValidationError if it is wrong."""
    if value is None:
        return one.deserialize(None)
    found = one._deserialize(value, None, None)
    for check in one.validators:
        check(found)
    return found


class Text(fields.String):
    """Text of a limited length: trimmed at both ends unless ``trim=False``, without control characters.

    Where there has to be some, what shows nothing at all counts as none. Line breaks and tabs are allowed
    with ``multiline=True``. Lengths are in characters (code points).
    """

    default_error_messages = {"control": "Control characters are not allowed."}

    def __init__(
        self, minimum: int, maximum: int, *, multiline: bool = False, trim: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(validate=validate.Length(min=minimum, max=maximum), **kwargs)
        self.minimum = minimum
        self.multiline = multiline
        self._control = _CONTROL_BUT_LINES if multiline else _CONTROL
        self.trim = trim

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if self._control.search(value):
            raise self.make_error("control")
        if self.minimum and _NOTHING.fullmatch(value):
            return ""
        return value.strip() if self.trim else value


class StrictBoolean(fields.Boolean):
    """``true`` or ``false``; marshmallow's own also takes ``"yes"`` and ``1``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class AnyObject(fields.Dict):
    """An object with any keys and values."""

    default_error_messages = {"invalid": "This must be an object."}


class WholeNumber(fields.Integer):
    """An integer as JSON Schema means it: ``1.0`` is one; ``"1"``, ``1.5`` and ``true`` are not."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        return super()._deserialize(whole, attr, data, **kwargs)


class EmailAddress(fields.Field):
    """An address that mail can be sent to, in its normal form; see :mod:`common.addresses`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return read_email(value)
        except ValueError as problem:
            raise ValidationError(str(problem)) from None


class Locale(fields.String):
    """A language tag in its usual spelling; see :mod:`common.locales`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return read_locale(text)
        except ValueError as problem:
            raise ValidationError(str(problem)) from None


class Timestamp(fields.Field):
    """An RFC 3339 time with its offset, as an aware UTC datetime cut to the millisecond.

    It may be without seconds, as a browser's field gives it. Python alone would read all of ISO 8601.
    """

    default_error_messages = {"invalid": "Not a time in RFC 3339, such as 2026-11-22T13:45:00Z."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            if not _RFC_3339.fullmatch(value):
                raise ValueError
            moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            raise self.make_error("invalid") from None
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Cursor(fields.String):
    """Where a page begins; of base64's letters for addresses, as :mod:`common.paging` writes it."""

    def __init__(self, **kwargs: Any) -> None:
        letters = validate.Regexp(rf"^[A-Za-z0-9_-]{{1,{LONGEST_CURSOR}}}$", error=NO_CURSOR)
        super().__init__(validate=letters, **kwargs)


class Limit(fields.Field):
    """How many items a page may have, in digits; marshmallow's integers also take ``+5`` and ``1_0``."""

    MOST = 100
    default_error_messages = {"invalid": f"Must be a whole number from 1 to {MOST}."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,3}", str(value), re.ASCII) or not 1 <= int(value) <= self.MOST:
            raise self.make_error("invalid")
        return int(value)


@cache
def _made(schema: type[Schema]) -> Schema:
    # marshmallow copies all fields for each instance, and nothing of one is changed by loading.
    return schema()


def load(schema: type[Schema], data: Any) -> dict[str, Any]:
    """``data`` as the schema reads it; ValidationFailed with ``{"field": ["message", ...]}``."""
    made = _made(schema)
    if isinstance(made, StrictSchema) and (found := made.read(data)) is not None:
        return found
    try:
        loaded: dict[str, Any] = made.load(data)
    except ValidationError as problem:
        raise invalid(_flat(problem.normalized_messages())) from None
    return loaded


def invalid(errors: dict[str, list[str]]) -> ValidationFailed:
    """The error for input that was read and is wrong; of very many wrong fields it tells the first."""
    message, more = "Some fields are not valid.", len(errors) - MOST_ERRORS
    if more > 0:
        message, errors = f"{message} {more} more are not listed.", dict(islice(errors.items(), MOST_ERRORS))
    return ValidationFailed("validation_failed", message, errors)


def refuse(field: str, message: str) -> NoReturn:
    """Refuse one field."""
    raise invalid({field: [message]})


def _flat(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    if isinstance(messages, list):
        return {prefix or "_schema": [str(message) for message in messages]}
    found: dict[str, list[str]] = {}
    for key, value in messages.items():
        name = f"{prefix}.{key}" if prefix and key != "_schema" else prefix or str(key)
        found.update(_flat(value, name))
    return found
