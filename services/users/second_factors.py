"""Second factors in PostgreSQL: each code is good once, and wrong ones cost waits that grow."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from common import clock
from services.users import domain
from services.users.audit import REFUSED, Audited
from services.users.models import RecoveryCode, SecondFactor, SessionRow, User
from services.users.repository import Repository
from services.users.users import find, parse_id


class SecondFactorRepository(Repository):
    """A user's second factor. Secrets come in sealed and recovery codes hashed; both stay so."""

    def of(self, user_id: str) -> tuple[SecondFactor, int] | None:
        """The second factor, confirmed or not, and how many recovery codes are left."""
        with self.transaction() as session:
            factor = session.get(SecondFactor, parse_id(user_id))
            left = select(func.count()).where(RecoveryCode.user_id == parse_id(user_id))
            return (factor, session.scalar(left) or 0) if factor else None

    def begin(self, user_id: str, sealed_secret: str) -> None:
        """Keep a secret that counts from its confirmation on; Conflict if there is one that counts."""
        with self.transaction() as session:
            user, factor = self._locked(session, user_id)
            if factor and factor.confirmed_at:
                raise domain.second_factor_is_on()
            session.merge(
                SecondFactor(
                    user_id=user.id, sealed_secret=sealed_secret, created_at=clock.now(), confirmed_at=None,
                    last_step=0, failures=0, wait_until=None,
                )
            )  # fmt: skip

    def confirm(
        self, user_id: str, sealed_secret: str, step: int, code_hashes: Sequence[str], session_id: str
    ) -> bool:
        """Let a secret count from now on, if it is still the one that was checked; other sessions end."""
        with self.transaction() as session:
            user, factor = self._locked(session, user_id)
            if factor is None or factor.confirmed_at or factor.sealed_secret != sealed_secret:
                return False
            factor.confirmed_at, factor.last_step = clock.now(), step
            _keep(session, user.id, code_hashes)
            self._tell(session, user, Audited.SECOND_FACTOR_ON, "second_factor_on")
            self.end_sessions(session, user.id, SessionRow.id != parse_id(session_id))
        return True

    def use(self, user_id: str, sealed_secret: str, step: int | None, code_hash: str | None) -> bool:
        """Whether a code is good, which uses it up: an app's by its time step, or a recovery code.

        After some wrong ones, TooManyRequests for an app's codes until the wait is over, right ones as well.
        A recovery code can't be guessed and needs no wait, so nobody can lock the owner out.
        """
        with self.transaction() as session:
            user, factor = self._locked(session, user_id)
            if factor is None or factor.confirmed_at is None or factor.sealed_secret != sealed_secret:
                return False
            if code_hash and self._use_recovery_code(session, user, code_hash):
                return True
            domain.check_wait(factor.wait_until, clock.now())
            if step is None or step <= factor.last_step:
                self._count_failure(session, user, factor)
                return False
            factor.last_step, factor.failures, factor.wait_until = step, 0, None
        return True

    def renew_codes(self, user_id: str, code_hashes: Sequence[str]) -> None:
        """Other recovery codes in place of those that are left."""
        with self.transaction() as session:
            user, factor = self._locked(session, user_id)
            if factor is None or factor.confirmed_at is None:
                raise domain.second_factor_is_off()
            _keep(session, user.id, code_hashes)
            self.record(session, Audited.RECOVERY_CODES_RENEWED, user.id)

    def end(self, user_id: str, event: Audited, session_id: str | None = None) -> None:
        """Log in with the password alone from now on; the other sessions end."""
        with self.transaction() as session:
            user, factor = self._locked(session, user_id)
            if factor is None:
                return
            session.delete(factor)
            if factor.confirmed_at:
                self._tell(session, user, event, str(event))
                kept = [SessionRow.id != parse_id(session_id)] if session_id else []
                self.end_sessions(session, user.id, *kept)

    def _locked(self, session: Session, user_id: str) -> tuple[User, SecondFactor | None]:
        # The user's row stands for all that is the user's: of two changes at once, one waits.
        user = find(session, user_id, lock=True)
        return user, session.get(SecondFactor, user.id)

    def _use_recovery_code(self, session: Session, user: User, code_hash: str) -> bool:
        mine = (RecoveryCode.user_id == user.id) & (RecoveryCode.code_hash == code_hash)
        used = session.scalar(delete(RecoveryCode).where(mine).returning(RecoveryCode.code_hash))
        if used:
            self._tell(session, user, Audited.RECOVERY_CODE_USED, "recovery_code_used")
        return used is not None

    def _count_failure(self, session: Session, user: User, factor: SecondFactor) -> None:
        factor.failures += 1
        wait = domain.wait_after(factor.failures)
        factor.wait_until = clock.now() + wait if wait else None
        self.record(session, Audited.SECOND_FACTOR, user.id, outcome=REFUSED, failures=factor.failures)
        if factor.failures == domain.FREE_FAILURES:
            self.alert(session, user.id, "second_factor_failures")

    def _tell(self, session: Session, user: User, event: Audited, alert: str) -> None:
        self.record(session, event, user.id)
        self.alert(session, user.id, alert)


def _keep(session: Session, user_id: uuid.UUID, code_hashes: Sequence[str]) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.add_all(RecoveryCode(code_hash=one, user_id=user_id) for one in code_hashes)
