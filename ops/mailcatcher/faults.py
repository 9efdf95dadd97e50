"""Failures that a test asks for, and the record of every attempt to hand over a mail."""

import threading
from collections import deque
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ops.mailcatcher.store import rfc3339_now

TEMPORARY = "451 4.3.0 Temporary failure, try again later"
TEMPORARY_RECIPIENT = "451 4.2.1 Mailbox temporarily unavailable"
PERMANENT_RECIPIENT = "550 5.1.1 No such mailbox"
KEPT_ATTEMPTS = 100_000
_random = SystemRandom()


@dataclass(frozen=True)
class Faults:
    """How the server misbehaves. `stage` says when a recipient is refused: `rcpt` or `data`."""

    temporary_share: float = 0.0
    permanent_recipients: list[str] = field(default_factory=list)
    temporary_recipients: list[str] = field(default_factory=list)
    delay_seconds: float = 0.0
    refuse: bool = False
    stage: str = "rcpt"

    def refusal_of(self, recipient: str) -> str | None:
        """The answer that refuses this recipient, or nothing."""
        if recipient.lower() in map(str.lower, self.permanent_recipients):
            return PERMANENT_RECIPIENT
        if recipient.lower() in map(str.lower, self.temporary_recipients):
            return TEMPORARY_RECIPIENT
        return None

    def refusal_of_any(self, recipients: list[str]) -> str | None:
        """The answer that refuses a mail after its text was sent, or nothing."""
        if self.stage == "data":
            for refusal in map(self.refusal_of, recipients):
                if refusal:
                    return refusal
        return TEMPORARY if _random.random() < self.temporary_share else None


class FaultsSchema(Schema):
    """What a test may send."""

    temporary_share = fields.Float(validate=validate.Range(0, 1))
    permanent_recipients = fields.List(fields.String())
    temporary_recipients = fields.List(fields.String())
    delay_seconds = fields.Float(validate=validate.Range(min=0))
    refuse = fields.Boolean()
    stage = fields.String(validate=validate.OneOf(["rcpt", "data"]))


def parse_faults(document: Any) -> Faults:
    """Reads what a test sent; ValueError says what is wrong with it."""
    try:
        return Faults(**FaultsSchema().load(document))
    except ValidationError as error:
        raise ValueError(str(error.messages)) from error


@dataclass(frozen=True)
class Attempt:
    """One try to hand over a mail for one recipient; ids are unknown when refused before the text."""

    recipient: str
    code: int
    at: str
    message_id: str | None = None
    x_message_id: str | None = None


class Attempts:
    """The attempts since the start, oldest first."""

    def __init__(self) -> None:
        self._attempts: deque[Attempt] = deque(maxlen=KEPT_ATTEMPTS)
        self._lock = threading.Lock()

    def record(
        self, recipient: str, answer: str, message_id: str | None = None, x_message_id: str | None = None
    ) -> None:
        """Notes what was answered to an attempt."""
        with self._lock:
            self._attempts.append(
                Attempt(recipient, int(answer[:3]), rfc3339_now(), message_id, x_message_id)
            )

    def find(self, recipient: str = "") -> list[Attempt]:
        """The attempts for exactly this recipient, or all of them."""
        with self._lock:
            attempts = list(self._attempts)
        return [one for one in attempts if not recipient or one.recipient.lower() == recipient.lower()]

    def clear(self) -> None:
        """Forgets all attempts."""
        with self._lock:
            self._attempts.clear()
