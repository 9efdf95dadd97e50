"""Second factors: switched on by their owner, asked for at a login, switched off with a code."""

from typing import Any

from common import metrics
from common.identity import Allow
from common.logging import get_logger
from common.rpc import rpc
from common.schemas import load
from services.auth import challenges, domain
from services.auth.logins import Known, Logins
from services.auth.schemas import Code, PresentPassword, SecondFactorLogin
from services.auth.second_factor import SecondFactors, fingerprint, plain_code

log = get_logger()
RecoveryCodes = dict[str, list[str]]
_NONE: dict[str, Any] = {"confirmed_at": None, "recovery_codes_left": 0}


class SecondFactorApi(Logins):
    """Served by auth; the user service keeps the sealed secrets and uses up the codes."""

    factor: Any = SecondFactors()

    @rpc(allow=Allow.PUBLIC)
    def second_login(self, data: Any) -> dict[str, Any]:
        """A token pair for the challenge of a login and a good code."""
        given = load(SecondFactorLogin, data)
        claims = self.tokens.read_challenge(given["challenge"])
        known: Known = self.users.credentials(user_id=claims["sub"])
        if known["disabled"] or not challenges.fits(claims, known["password_hash"], known["raised_from"]):
            raise challenges.bad_challenge()
        if not self._use(claims["sub"], given["code"]):
            metrics.LOGINS.labels("wrong_code").inc()
            log.warning("second_factor_failed", user_id=claims["sub"], ip=self.client.ip)
            raise domain.wrong_code()
        return self.start_session(known, second_factor=True)

    @rpc(allow=Allow.USER, idempotent=True)
    def second_factor(self) -> dict[str, Any]:
        """Whether the caller's is on, since when, and how many recovery codes are left."""
        kept = self.users.second_factor(user_id=self.caller.user_id) or _NONE
        is_on = kept["confirmed_at"] is not None
        return {
            "enabled": is_on,
            "confirmed_at": kept["confirmed_at"],
            "recovery_codes_left": kept["recovery_codes_left"],
        }

    @rpc(allow=Allow.USER)
    def enrol_second_factor(self, data: Any) -> dict[str, str]:
        """A new secret for the caller's app; it counts once it is confirmed with a code."""
        known = self.check_own_password(load(PresentPassword, data)["current_password"], "second_factor_on")
        sealed, shown = self.factor.enrol(known["user"]["email"])
        self.users.begin_second_factor(user_id=self.caller.user_id, sealed_secret=sealed)
        enrolled: dict[str, str] = shown
        return enrolled

    @rpc(allow=Allow.USER)
    def confirm_second_factor(self, data: Any) -> RecoveryCodes:
        """Switch it on with the first code of the app; the recovery codes are shown this once."""
        code = plain_code(load(Code, data)["code"])
        kept = self.users.second_factor(user_id=self.caller.user_id)
        step = self.factor.step_of(kept["sealed_secret"], code) if kept else None
        codes, hashes = self.factor.recovery_codes()
        if step is None or not self.users.confirm_second_factor(
            user_id=self.caller.user_id, sealed_secret=kept["sealed_secret"], step=step, code_hashes=hashes,
            session_id=self.caller.session_id,
        ):  # fmt: skip
            raise domain.refused_code()
        return {"recovery_codes": codes}

    @rpc(allow=Allow.USER)
    def renew_recovery_codes(self, data: Any) -> RecoveryCodes:
        """Other recovery codes in place of the old ones, for a good code."""
        self._check_code(data)
        codes, hashes = self.factor.recovery_codes()
        self.users.renew_recovery_codes(user_id=self.caller.user_id, code_hashes=hashes)
        return {"recovery_codes": codes}

    @rpc(allow=Allow.USER)
    def end_second_factor(self, data: Any) -> None:
        """Switch it off, for a good code."""
        self._check_code(data)
        self.users.end_second_factor(user_id=self.caller.user_id, session_id=self.caller.session_id)

    def challenge(self, known: Known) -> Exception:
        """The refusal of a login whose password was right, and that needs a code."""
        metrics.LOGINS.labels("second_factor_asked").inc()
        log.info("second_factor_asked", user_id=known["user"]["id"])
        made = self.tokens.challenge(known["user"]["id"], known["password_hash"])
        return domain.second_factor_required(made, challenges.LIFETIME_SECONDS)

    def _check_code(self, data: Any) -> None:
        if not self._use(self.caller.user_id, load(Code, data)["code"]):
            raise domain.refused_code()

    def _use(self, user_id: str, given: str) -> bool:
        kept = self.users.second_factor(user_id=user_id)
        if kept is None:
            return False
        sealed, code = kept["sealed_secret"], plain_code(given)
        good: bool = self.users.use_second_factor(
            user_id=user_id, sealed_secret=sealed, step=self.factor.step_of(sealed, code),
            code_hash=fingerprint(code),
        )  # fmt: skip
        return good
