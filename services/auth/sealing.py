"""Secrets that are kept and needed again, as those of authenticator apps are: encrypted at rest.

The keys are derived from the signing secrets (HKDF, RFC 5869, with a name of its own), so that a copy of the
database alone is of no use. What an earlier secret has sealed is opened as long as that is configured.
"""

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"todo-suite second factor"


class Unsealable(Exception):
    """It was sealed with a secret that is not configured any more."""


class Seal:
    """Seals with the first secret, and opens what any of them has sealed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_key(secret)) for secret in secrets])

    def close(self, text: str) -> str:
        """Encrypted and authenticated (Fernet)."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """The text again; Unsealable without its secret."""
        try:
            return self._fernet.decrypt(sealed.encode("ascii", "replace")).decode()
        except InvalidToken:
            raise Unsealable("sealed with a secret that is not configured") from None


def _key(secret: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return base64.urlsafe_b64encode(derived)
