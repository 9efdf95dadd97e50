"""What messaging takes in and shows. A secret in a mail's context is never shown."""

from datetime import datetime, timedelta
from typing import Any

import bson
from bson.errors import BSONError
from marshmallow import ValidationError, fields, validate, validates

from common import clock, strict_json
from common.errors import BadRequest
from common.mail_kinds import KINDS, TEMPLATES
from common.redact import redact
from common.schemas import (
    AnyObject,
    Cursor,
    EmailAddress,
    Limit,
    StrictSchema,
    Text,
    Timestamp,
    WholeNumber,
    load,
    refuse,
)
from services.messaging.dead_letters import payload_of
from services.messaging.domain import LATEST_DAYS, STATUSES

LARGEST_CONTEXT = 100_000
_BEYOND_INTEGERS = 2.0**63


class NewMessage(StrictSchema):
    """``{template, recipient, context, idempotency_key?, deliver_at?}``."""

    template = fields.String(required=True, validate=validate.OneOf(TEMPLATES))
    recipient = EmailAddress(required=True)
    context = AnyObject(required=True)
    idempotency_key = Text(1, 200, load_default=None)
    deliver_at = Timestamp(load_default=None, allow_none=True)

    @validates("context")
    def can_be_kept(self, value: dict[str, Any], **kwargs: Any) -> None:
        """Of a sane size, and made of what the ledger can store."""
        try:
            text = strict_json.dumps(value)
            length = len(text)
            strict_json.loads(text.encode())
            bson.encode(value)
            _refuse_large(value)
        except (BadRequest, BSONError, OverflowError, ValueError, RecursionError):
            raise ValidationError("Not plain JSON, too deep, or a number is too large.") from None
        if length > LARGEST_CONTEXT:
            raise ValidationError(f"Longer than {LARGEST_CONTEXT} characters of JSON.")

    @validates("deliver_at")
    def is_not_too_far_ahead(self, value: datetime | None, **kwargs: Any) -> None:
        """Within a year; what is past is delivered at once."""
        if value and value > clock.now() + timedelta(days=LATEST_DAYS):
            raise ValidationError(f"More than {LATEST_DAYS} days ahead.")


def read_message(data: Any, header_key: str | None) -> dict[str, Any]:
    """A new message; its idempotency key may come as the header ``Idempotency-Key`` as well."""
    if header_key is None or not isinstance(data, dict):
        return load(NewMessage, data)
    own_key = load(NewMessage, data)["idempotency_key"]
    wanted = load(NewMessage, {**data, "idempotency_key": header_key})
    if own_key not in (None, wanted["idempotency_key"]):
        refuse("idempotency_key", "Not the one of the header Idempotency-Key.")
    return wanted


def _refuse_large(value: Any) -> None:
    """ValueError for a number beyond 64 bits: an integer of that size has been rounded on the way here."""
    if isinstance(value, float) and abs(value) >= _BEYOND_INTEGERS:
        raise ValueError("too large")
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            _refuse_large(one)


class MessageQuery(StrictSchema):
    """The query of a list."""

    status = fields.String(validate=validate.OneOf(STATUSES))
    template = fields.String(validate=validate.OneOf(KINDS))
    recipient = Text(1, 320)
    limit = Limit(load_default=50)
    cursor = Cursor(load_default=None)
    count = fields.String(load_default="false", validate=validate.OneOf(["true", "false"]))


class OwnQuery(StrictSchema):
    """The query of a user's own list."""

    limit = Limit(load_default=50)
    cursor = Cursor(load_default=None)


class DeadLetterFilter(StrictSchema):
    """Which dead letters: by the mail's template, by reason, by the queue that they failed in."""

    template = Text(1, 100)
    reason = Text(1, 100)
    queue = Text(1, 255)


class DeadLetterQuery(DeadLetterFilter):
    """The query of a list."""

    limit = Limit(load_default=50)
    cursor = Cursor(load_default=None)
    count = fields.String(load_default="false", validate=validate.OneOf(["true", "false"]))


class Replay(DeadLetterFilter):
    """``{template?, reason?, queue?, limit?}``: the oldest that match, 1,000 unless told."""

    limit = WholeNumber(load_default=1000, validate=validate.Range(1, 10_000))


def show_dead_letter(letter: dict[str, Any]) -> dict[str, Any]:
    """A dead letter in a list."""
    return {
        "id": letter["_id"],
        "reason": letter["reason"],
        "detail": letter["detail"],
        "attempts": letter["attempts"],
        "first_failed_at": letter["first_failed_at"] or None,
        "died_at": clock.to_text(letter["died_at"]),
        "queue": letter["queue"],
        "message_id": letter.get("message_id"),
        "template": letter.get("template"),
        "recipient": letter.get("recipient"),
    }


def show_whole_dead_letter(letter: dict[str, Any]) -> dict[str, Any]:
    """A dead letter with its payload; secrets are masked."""
    return {**show_dead_letter(letter), "bytes": letter["bytes"], "payload": redact(payload_of(letter))}


def show_message(document: dict[str, Any]) -> dict[str, Any]:
    """A message of the ledger as an administrator sees it."""
    return {
        "id": document["_id"],
        "status": document["status"],
        "template": document["template"],
        "recipient": document["recipient"],
        "context": redact(document["context"]),
        "user_id": document["user_id"],
        "deliver_at": clock.to_text(document.get("deliver_at")),
        "held_until": clock.to_text(document.get("held_until")),
        "gathered_into": document.get("gathered_into"),
        "attempts": _numbered(document["attempts"]),
        "created_at": clock.to_text(document["created_at"]),
        "updated_at": clock.to_text(document["updated_at"]),
    }


def _numbered(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In their order, with numbers that go on after a replay, whose delivery counts from 1 again."""
    shown: list[dict[str, Any]] = []
    number = 0
    for attempt in sorted(attempts, key=lambda one: str(one["at"])):
        number = max(number + 1, int(attempt.get("attempt", 0)))
        known = {name: value for name, value in attempt.items() if name != "event_id"}
        shown.append({**known, "attempt": number})
    return shown
