"""Calls that are carried out once: the key that a client gives a call, and what its body was.

The service that owns the effect keeps both in the transaction of the effect. So there is never one
without the other, whichever process dies, and any instance knows the key as soon as it holds.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from common.errors import Conflict, ValidationFailed
from common.schemas import StrictSchema, Text, load

REMEMBERED = timedelta(hours=24)
"""How long the first answer is given again; then the key is new."""


@dataclass(frozen=True, slots=True)
class Key:
    """A client's key as it is kept: a digest of the key and its owner, a fingerprint of the call."""

    digest: str
    fingerprint: str

    def check(self, fingerprint: str) -> None:
        """ValidationFailed if the key was used for a call with this other fingerprint."""
        if not hmac.compare_digest(self.fingerprint, fingerprint):
            raise ValidationFailed(
                "idempotency_key_reused", "This key was used for another call.",
                {"idempotency_key": ["Used before, with another body."]},
            )  # fmt: skip


class _Given(StrictSchema):
    idempotency_key = Text(1, 200, required=True)


def read_key(given: Any, owner: str, call: Any, secret: str = "") -> Key | None:
    """The key of a call, None if it has none; ValidationFailed if it is empty, too long, or no text.

    Keys of different owners have nothing to do with each other. With a ``secret``, nobody who lacks it
    can tell from a fingerprint whether a guessed call is the right one: for calls that carry a password.
    """
    if given is None:
        return None
    key = load(_Given, {"idempotency_key": given})["idempotency_key"]
    digest = hashlib.sha256(_canonical([owner, key])).hexdigest()
    keyed = hmac.new(secret.encode(), b"idempotency:" + _canonical(call), hashlib.sha256)
    return Key(digest, keyed.hexdigest())


def in_flight() -> Conflict:
    """The answer while the first call with a key is still being carried out."""
    return Conflict("idempotency_key_in_flight", "The first call with this key is not over yet: try again.")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
