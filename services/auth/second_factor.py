"""Codes of authenticator apps (TOTP, RFC 6238), and recovery codes for who has lost theirs."""

import hashlib
import io
import re
import secrets
import time
from collections.abc import Callable

import pyotp
import segno
from eventlet import tpool
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from pyotp.utils import strings_equal

from common import config
from common.logging import get_logger
from services.auth.sealing import Seal, Unsealable

log = get_logger()

ISSUER = "Todo suite"
"""As apps show it beside the address."""
RECOVERY_CODES = 10
_STEP_SECONDS = 30
_DRIFT = (0, -1, 1)
"""Steps by which the clock of a phone may differ."""
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_RECOVERY_LETTERS = 24
_APP_CODE = re.compile(r"[0-9]{6}")


class SecondFactor:
    """Makes secrets and checks codes. What it hands out for keeping is sealed or hashed."""

    def __init__(self, seal: Seal, now: Callable[[], float] = time.time) -> None:
        self.seal = seal
        self._now = now

    def enrol(self, email: str) -> tuple[str, dict[str, str]]:
        """A new secret: sealed for keeping, and as its owner needs it, for reading and as a picture."""
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
        return self.seal.close(secret), {"secret": secret, "uri": uri, "qr_svg": tpool.execute(_svg, uri)}

    def step_of(self, sealed: str, code: str) -> int | None:
        """The time step of which this is the code, if it is one of now; None if it is not."""
        if not _APP_CODE.fullmatch(code):
            return None
        try:
            totp, now = pyotp.TOTP(self.seal.open(sealed)), int(self._now()) // _STEP_SECONDS
        except Unsealable:
            log.error("second_factor_unsealable", hint="set JWT_SECRET_PREVIOUS, or reset the second factor")
            return None
        right = [now + by for by in _DRIFT if strings_equal(totp.generate_otp(now + by), code)]
        return max(right, default=None)

    def recovery_codes(self) -> tuple[list[str], list[str]]:
        """New recovery codes of 120 bits each: to be shown once, and hashed for keeping."""
        codes = [
            "".join(secrets.choice(_BASE32) for _ in range(_RECOVERY_LETTERS)) for _ in range(RECOVERY_CODES)
        ]
        return ["-".join(re.findall("." * 6, code)) for code in codes], [fingerprint(code) for code in codes]


def plain_code(code: str) -> str:
    """A code as it is compared: without the blanks and dashes that make it readable."""
    return re.sub(r"[\s-]", "", code).upper()


def fingerprint(code: str) -> str:
    """How a recovery code is kept: fast is right here, since 120 random bits can't be guessed."""
    return hashlib.sha256(plain_code(code).encode()).hexdigest()


def _svg(uri: str) -> str:
    # Off the hub: drawing takes some ten milliseconds.
    picture = io.BytesIO()
    segno.make(uri, error="m").save(picture, kind="svg", scale=4, xmldecl=False, title="QR code")
    return picture.getvalue().decode()


class SecondFactors(DependencyProvider):
    """Injects a :class:`SecondFactor`."""

    def setup(self) -> None:
        """Derive the keys once."""
        self.factor = SecondFactor(Seal(config.jwt_secrets(self.container.config)))

    def get_dependency(self, worker_ctx: WorkerContext) -> SecondFactor:
        """The same for every worker."""
        return self.factor
