"""A password's change in PostgreSQL, by a mail's link or by its owner, and what ends with the old one."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from common import clock, events
from common.addresses import email_key
from services.users import domain, one_time_tokens
from services.users.audit import REFUSED, Audited
from services.users.models import SessionRow, User
from services.users.repository import Repository
from services.users.users import find, parse_id


class PasswordRepository(Repository):
    """Passwords come in hashed, and links' secrets stay as fingerprints only."""

    def request_reset(self, email: str) -> None:
        """A new link for whoever has that address, if anybody has; older ones are worth nothing."""
        with self.transaction() as session:
            wanted = select(User).where(User.email_key == email_key(email)).with_for_update()
            user = session.scalar(wanted)
            if user is None or user.disabled:
                return
            secret = one_time_tokens.issue(session, user, domain.RESET_PASSWORD)
            self.record(session, Audited.PASSWORD_RESET_REQUESTED, user.id)
            self.announce(
                session, user.id, events.PASSWORD_RESET_REQUESTED, reset_token=secret,
                expires_in=domain.RESET_LASTS,
            )  # fmt: skip

    def reset_owner(self, token: str) -> User | None:
        """Whose password a link would set; the link stays good."""
        with self.transaction() as session:
            user = one_time_tokens.owner(session, token, domain.RESET_PASSWORD)
            return None if user is None or user.disabled else user

    def reset(self, token: str, password_hash: str, ip: str) -> bool:
        """Use up a link and set the password; sessions and tokens end. False if the link is worth nothing."""
        with self.transaction() as session:
            user = one_time_tokens.use_up(session, token, domain.RESET_PASSWORD)
            if user is None or user.disabled:
                self.record(session, Audited.PASSWORD_RESET, user.id if user else None, outcome=REFUSED)
                return False
            self._set(session, user, password_hash, ip)
            self._guesses.end(session, user, check=False)
            self.end_tokens(session, user.id)  # who had the password may have made some
            self.record(session, Audited.PASSWORD_RESET, user.id)
        return True

    def change(self, user_id: str, old_hash: str, new_hash: str, session_id: str, ip: str) -> bool:
        """Set the password if ``old_hash`` is still its hash; all sessions but that one end."""
        with self.transaction() as session:
            user = find(session, user_id, lock=True)
            if user.disabled or not domain.is_of_password(old_hash, user.password_hash, user.raised_from):
                return False
            self._guesses.end(session, user)
            self._set(session, user, new_hash, ip, SessionRow.id != parse_id(session_id))
            self.record(session, Audited.PASSWORD_CHANGED, user.id)
        return True

    def raise_cost(self, user_id: str, old_hash: str, new_hash: str) -> bool:
        """Keep a costlier hash of the same password; False if ``old_hash`` is not kept any more.

        Who sets another password at the same moment wins, whichever of the two is first.
        """
        with self.transaction() as session:
            user = find(session, user_id, lock=True)
            if user.password_hash != old_hash:
                return False
            user.password_hash, user.raised_from = new_hash, domain.fingerprint(old_hash)
        return True

    def _set(self, session: Session, user: User, password_hash: str, ip: str, *which: Any) -> None:
        user.password_hash, user.raised_from, user.updated_at = password_hash, None, clock.now()
        one_time_tokens.void(session, user, domain.RESET_PASSWORD)
        self.end_sessions(session, user.id, *which)
        self.announce(session, user.id, events.PASSWORD_CHANGED, ip=ip)
