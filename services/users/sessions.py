"""Sessions in PostgreSQL: one for each login, its refresh token rotated at each use."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from common import clock, events
from common.errors import NotFound
from services.users import domain, places
from services.users.audit import REFUSED, Audited
from services.users.domain import Proof
from services.users.models import RevokedSession, SecondFactor, SessionRow, UsedRefreshToken, User
from services.users.repository import Repository, forget_outdated
from services.users.users import find, parse_id

REUSE_GRACE = timedelta(seconds=10)


class SessionRepository(Repository):
    """A user's logins. Refresh tokens come in and stay as fingerprints only."""

    def open(
        self, user_id: str, refresh_hash: str, lifetime: timedelta, ip: str, agent: str,
        proof: Proof | None = None,
    ) -> tuple[SessionRow, User] | None:  # fmt: skip
        """A new session and its owner as of now, ``user_logged_in`` with it; None for a disabled user.

        None as well if a proof is given and is not enough any more; TooManyRequests if wrong passwords at the
        same moment have begun a wait. The event tells whether the device was seen before.
        """
        now = clock.now()
        with self.transaction() as session:
            # Locked: who is disabled, loses a role or sets a password meanwhile gets no session that
            # outlives it.
            owner = find(session, user_id, lock=True)
            factor = session.get(SecondFactor, owner.id)
            needs_factor = factor is not None and factor.confirmed_at is not None
            if owner.disabled or (proof and not _is_enough(proof, owner, needs_factor)):
                return None
            # With a second factor the password was right before, and nobody guesses any more.
            self._guesses.end(session, owner, check=proof is not None and not proof.second_factor)
            row = SessionRow(
                id=uuid.uuid4(), user_id=owner.id, refresh_hash=refresh_hash, previous_hash=None,
                created_at=now, last_used_at=now, expires_at=now + lifetime, ip=ip, user_agent=agent,
            )  # fmt: skip
            new_device = _is_new_device(session, owner.id, agent) and not places.seen(
                session, owner.id, "device", agent
            )
            places.remember(session, owner.id, "device", agent)
            session.add(row)
            self.record(session, Audited.LOGIN, owner.id, session_id=str(row.id), new_device=new_device)
            self.announce(
                session, owner.id, events.USER_LOGGED_IN, session_id=str(row.id), ip=ip, user_agent=agent,
                new_device=new_device,
            )  # fmt: skip
        return row, owner

    def rotate(self, refresh_hash: str, new_hash: str) -> tuple[SessionRow, User] | None:
        """Exchange a refresh token; None if it is unknown, over, or used before (that ends the session).

        It is over when its session is too old, or has lain unused for too long.

        For ten seconds the last exchange may be asked for again, by a client that lost the answer: it
        gets the same token, and nothing changes.
        """
        with self.transaction() as session:
            row = session.scalar(select(SessionRow).where(_has_or_had(refresh_hash)).with_for_update())
            user = session.get(User, row.user_id) if row else None
            if row is None or user is None or user.disabled or self.end_of(row) < clock.now():
                return None
            if row.refresh_hash == refresh_hash:
                self._exchange(session, row, new_hash)
            elif not _is_repeated(row, refresh_hash, new_hash):
                self.end_sessions(session, row.user_id, SessionRow.id == row.id)
                about = {"session_id": str(row.id)}
                self.record(session, Audited.REFRESH_TOKEN_REUSED, row.user_id, outcome=REFUSED, **about)
                self.alert(session, row.user_id, "refresh_token_reused")
                return None
            return row, user

    def end_of(self, row: SessionRow) -> datetime:
        """When a session ends that is not refreshed any more."""
        return min(row.expires_at, row.last_used_at + self._policy.idle)

    def of(self, user_id: str) -> Sequence[SessionRow]:
        """The user's live sessions, the last used first."""
        now = clock.now()
        is_live = (SessionRow.expires_at > now) & (SessionRow.last_used_at > now - self._policy.idle)
        with self.transaction() as session:
            mine = select(SessionRow).where(SessionRow.user_id == parse_id(user_id), is_live)
            return session.scalars(mine.order_by(SessionRow.last_used_at.desc())).all()

    def end(self, user_id: str, session_id: str) -> list[str]:
        """End one session of the user: its id, if it was there to be ended."""
        return self._end(user_id, session_id, SessionRow.id == _parse_session_id(session_id))

    def end_all(self, user_id: str) -> list[str]:
        """End all of the user's sessions; the ids of those that ended."""
        return self._end(user_id, None)

    def _end(self, user_id: str, session_id: str | None, *which: Any) -> list[str]:
        with self.transaction() as session:
            ended = self.end_sessions(session, parse_id(user_id), *which)
            self._record_end(session, parse_id(user_id), session_id, ended)
        return [str(one) for one in ended]

    def revoked(self, after: str, limit: int) -> list[tuple[str, datetime]]:
        """Ids of sessions that have ended and whose access tokens may be out, in order, after that one.

        With each, until when it has to be remembered.
        """
        wanted = select(RevokedSession.id, RevokedSession.forget_at)
        wanted = wanted.where(RevokedSession.forget_at > clock.now())
        if after:
            wanted = wanted.where(RevokedSession.id > _parse_session_id(after))
        with self.transaction() as session:
            found = session.execute(wanted.order_by(RevokedSession.id).limit(limit))
            return [(str(one), forget_at) for one, forget_at in found]

    def outlives_sessions(self, forget_at: datetime) -> bool:
        """Whether that is later than for a session that ends now: it is of a personal access token."""
        return forget_at > clock.now() + self._policy.tokens_live

    def _record_end(
        self, session: Session, user_id: uuid.UUID, session_id: str | None, ended: Sequence[uuid.UUID]
    ) -> None:
        if session_id is None:
            self.record(session, Audited.ALL_SESSIONS_ENDED, user_id, sessions=len(ended))
        elif ended:
            self.record(session, Audited.SESSION_ENDED, user_id, session_id=str(ended[0]))

    def _exchange(self, session: Session, row: SessionRow, new_hash: str) -> None:
        used = UsedRefreshToken(token_hash=row.refresh_hash, session_id=row.id, forget_at=row.expires_at)
        session.add(used)
        row.previous_hash, row.refresh_hash, row.last_used_at = row.refresh_hash, new_hash, clock.now()
        forget_outdated(session)


def _is_enough(proof: Proof, owner: User, needs_factor: bool) -> bool:
    return proof.is_enough(owner.password_hash, owner.raised_from, needs_factor)


def _has_or_had(refresh_hash: str) -> Any:
    used = select(UsedRefreshToken.session_id).where(UsedRefreshToken.token_hash == refresh_hash)
    return or_(
        SessionRow.refresh_hash == refresh_hash,
        SessionRow.previous_hash == refresh_hash,
        SessionRow.id == used.scalar_subquery(),
    )


def _is_repeated(row: SessionRow, refresh_hash: str, new_hash: str) -> bool:
    last = (row.previous_hash, row.refresh_hash) == (refresh_hash, new_hash)
    return last and row.last_used_at + REUSE_GRACE >= clock.now()


def _parse_session_id(session_id: str) -> uuid.UUID:
    try:
        return parse_id(session_id)
    except NotFound:
        raise domain.no_such_session() from None


def _is_new_device(session: Session, user_id: uuid.UUID, agent: str) -> bool:
    seen = select(SessionRow.id).where(SessionRow.user_id == user_id, SessionRow.user_agent == agent)
    return session.scalar(seen.limit(1)) is None
