"""Wrong passwords, and the waits that they cost, in PostgreSQL: all instances share them.

They count for the account at the client's address, for the account, and for the address. The last two are
for who guesses from many addresses, or at many accounts; they neither count nor hold at an address from
which the account was logged into before. So strangers can make a stranger wait, and not the owner at home.

What is kept are hashes. An account that does not exist costs the same, in queries too.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import clock
from common.forwarded import network_of
from services.users import domain, places
from services.users.models import LoginWait, User

_REMEMBER_FAILURES = timedelta(hours=24)
_REMEMBER_FAILURES_OF_ADDRESS = timedelta(hours=1)
"""No right password ends that count: whoever guesses at many accounts may have one of their own."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """The guesses from one address. ``free`` of them at one account cost nothing; with 0 none ever does."""

    free: int
    ip: str

    def check(self, session: Session, email_key: str, user_id: uuid.UUID | None) -> None:
        """TooManyRequests while this account has to wait here. Nothing is counted."""
        if self.free:
            now, keys = clock.now(), self._keys(session, email_key, user_id)
            waits = select(LoginWait.wait_until).where(LoginWait.key.in_(keys), LoginWait.wait_until > now)
            domain.check_login_wait(session.scalars(waits), now)

    def untold(self, session: Session, email_key: str, user_id: uuid.UUID | None) -> str | None:
        """The key of the wait that holds here, if nobody was refused in it before."""
        mine = LoginWait.key.in_(self._keys(session, email_key, user_id))
        last = select(LoginWait).where(mine, LoginWait.wait_until > clock.now())
        wait = session.scalar(last.order_by(LoginWait.wait_until.desc()).limit(1))
        return wait.key if wait and wait.told_until != wait.wait_until else None

    def tell(self, session: Session, key: str) -> bool:
        """Note that somebody was refused in that wait; False if another one was first.

        The last thing in a transaction, as ``count``.
        """
        untold = LoginWait.told_until.is_distinct_from(LoginWait.wait_until)
        told = update(LoginWait).where(LoginWait.key == key, untold).values(told_until=LoginWait.wait_until)
        once = told.returning(LoginWait.key).execution_options(synchronize_session=False)
        return session.scalar(once) is not None

    def count(self, session: Session, email_key: str, user_id: uuid.UUID | None) -> None:
        """One more wrong password; TooManyRequests if another one has begun a wait meanwhile.

        The last thing in a transaction: the user's row is locked first, as for a right password.
        """
        if not self.free:
            return
        now, limits = clock.now(), self._keys(session, email_key, user_id)
        rows = self._locked(session, sorted(limits), email_key)
        domain.check_login_wait((row.wait_until for row in rows), now)
        for row in rows:
            row.failures = row.failures + 1 if row.forget_at > now else 1
            wait = domain.login_wait(row.failures, limits[row.key])
            row.wait_until = now + wait if wait else None
            is_address = row.key == self._address
            row.forget_at = now + (_REMEMBER_FAILURES_OF_ADDRESS if is_address else _REMEMBER_FAILURES)

    def end(self, session: Session, user: User, *, check: bool = True) -> None:
        """A right one: what was counted for the account is forgotten, and the address is known from now on.

        TooManyRequests, unless ``check`` is off, if wrong ones have begun a wait meanwhile.
        """
        if not self.free:
            return
        if check:
            self.check(session, user.email_key, user.id)
        over = (self._pair(user.email_key), _account(user.email_key))
        gone = delete(LoginWait).where(LoginWait.key.in_(over))
        session.execute(gone, execution_options={"synchronize_session": False})
        places.remember(session, user.id, "address", network_of(self.ip))

    @property
    def _address(self) -> str:
        return domain.fingerprint_of("address", network_of(self.ip))

    def _pair(self, email_key: str) -> str:
        return domain.fingerprint_of("pair", email_key, network_of(self.ip))

    def _keys(self, session: Session, email_key: str, user_id: uuid.UUID | None) -> dict[str, int]:
        """What counts here, and how many wrong ones are free for each."""
        limits = {self._pair(email_key): self.free}
        if not places.seen(session, user_id or uuid.uuid4(), "address", network_of(self.ip)):
            limits[_account(email_key)] = self.free * domain.FREE_FOR_ACCOUNT
            limits[self._address] = self.free * domain.FREE_FOR_ADDRESS
        return limits

    def _locked(self, session: Session, keys: list[str], email_key: str) -> list[LoginWait]:
        # In one order, so that two that count the same never wait for each other.
        account, usual = _account(email_key), {"failures": 0, "forget_at": clock.now()}
        new = [{"key": key, "account": None if key == self._address else account, **usual} for key in keys]
        session.execute(insert(LoginWait).values(new).on_conflict_do_nothing())
        wanted = select(LoginWait).where(LoginWait.key.in_(keys)).order_by(LoginWait.key)
        return list(session.scalars(wanted.with_for_update()))


def forget(session: Session, email_key: str) -> None:
    """Remove what was counted for an account that goes."""
    mine = LoginWait.account == _account(email_key)
    session.execute(delete(LoginWait).where(mine), execution_options={"synchronize_session": False})


def _account(email_key: str) -> str:
    return domain.fingerprint_of("account", email_key)
