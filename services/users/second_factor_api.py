"""Second factors, as auth asks for them, and as an administrator takes one away."""

from typing import Any

from common import clock
from common.identity import Allow
from common.rpc import rpc
from common.service import SuiteService
from services.users.audit import Audited
from services.users.storage import UserStorage


class SecondFactorApi(SuiteService):
    """Served by the user service, which keeps them; auth makes and checks the codes."""

    store: Any = UserStorage()

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def second_factor(self, user_id: str) -> dict[str, Any] | None:
        """``{sealed_secret, confirmed_at, recovery_codes_left}``, or None."""
        found = self.store.second_factors.of(user_id)
        if found is None:
            return None
        factor, left = found
        return {
            "sealed_secret": factor.sealed_secret,
            "confirmed_at": clock.to_text(factor.confirmed_at),
            "recovery_codes_left": left,
        }

    @rpc(allow=Allow.SERVICE)
    def begin_second_factor(self, user_id: str, sealed_secret: str) -> None:
        """Keep a secret until it is confirmed, in place of one that was not."""
        self.store.second_factors.begin(user_id, sealed_secret)

    @rpc(allow=Allow.SERVICE)
    def confirm_second_factor(
        self, user_id: str, sealed_secret: str, step: int, code_hashes: list[str], session_id: str
    ) -> bool:
        """Switch the second factor on; False if the secret is not the present one any more."""
        done: bool = self.store.second_factors.confirm(user_id, sealed_secret, step, code_hashes, session_id)
        return done

    @rpc(allow=Allow.SERVICE)
    def use_second_factor(
        self, user_id: str, sealed_secret: str, step: int | None = None, code_hash: str | None = None
    ) -> bool:
        """Use up an app's code (by its time step) or a recovery code; False if it is not good."""
        good: bool = self.store.second_factors.use(user_id, sealed_secret, step, code_hash)
        return good

    @rpc(allow=Allow.SERVICE)
    def renew_recovery_codes(self, user_id: str, code_hashes: list[str]) -> None:
        """Replace the recovery codes."""
        self.store.second_factors.renew_codes(user_id, code_hashes)

    @rpc(allow=Allow.SERVICE)
    def end_second_factor(self, user_id: str, session_id: str) -> None:
        """Switch the second factor off, by its owner; all sessions but that one end."""
        self.store.second_factors.end(user_id, Audited.SECOND_FACTOR_OFF, session_id)

    @rpc(allow=Allow.ADMIN, idempotent=True)
    def reset_second_factor(self, user_id: str) -> None:
        """Take the second factor from a user who has lost it; all of that user's sessions end."""
        self.store.second_factors.end(user_id, Audited.SECOND_FACTOR_RESET)
