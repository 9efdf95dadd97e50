"""What all shapes of answers have in common, and the one that every refusal has."""

from typing import Any

from marshmallow import Schema, fields, validate


class Shown(Schema):
    """A shape in which every field is always there, but for those in ``optional``."""

    optional: tuple[str, ...] = ()

    def on_bind_field(self, field_name: str, field_obj: fields.Field) -> None:
        """Require what is not optional."""
        field_obj.required = field_name not in self.optional


def time(*, null: bool = False, note: str = "") -> fields.String:
    """A time in UTC, in milliseconds."""
    told = {"description": note} if note else {}
    return fields.String(allow_none=null, metadata={"format": "date-time", **told})


def uuid(**options: Any) -> fields.String:
    """An id."""
    return fields.String(metadata={"format": "uuid"}, **options)


def one_of(*words: str) -> fields.String:
    """One of some words."""
    return fields.String(validate=validate.OneOf(words))


class Problem(Shown):
    """A problem document (RFC 9457)."""

    optional = ("errors", "challenge", "expires_in")
    type = fields.String(metadata={"description": "Always `about:blank`: `code` says what it is."})
    title = fields.String()
    status = fields.Integer(metadata={"minimum": 400, "maximum": 599})
    detail = fields.String(metadata={"description": "A sentence for people."})
    instance = fields.String(metadata={"description": "The path that was asked for."})
    code = fields.String(metadata={"description": "A stable word for programs.", "pattern": "^[a-z_]+$"})
    request_id = fields.String(metadata={"description": "As in the header `X-Request-ID` and in the logs."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "Of status 422 only: what is wrong, by field."},
    )
    challenge = fields.String(
        metadata={"description": "With `second_factor_required` only: send it with a code."}
    )
    expires_in = fields.Integer(metadata={"description": "Seconds for which the challenge is good."})
