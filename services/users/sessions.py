"""Sessions in PostgreSQL: one for each login, its refresh token rotated at each use."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from common import clock, events
from common.errors import NotFound
from services.users import domain
from services.users.models import SessionRow, User
from services.users.repository import Repository
from services.users.users import find, parse_id

REUSE_GRACE = timedelta(seconds=10)


class SessionRepository(Repository):
    """A user's logins. Refresh tokens come in and stay as fingerprints only."""

    def open(self, user_id: str, refresh_hash: str, lifetime: timedelta, ip: str, agent: str) -> SessionRow:
        """A new session, ``user_logged_in`` with it; tells whether the device was seen before."""
        now = clock.now()
        with self.transaction() as session:
            owner = find(session, user_id).id
            row = SessionRow(
                id=uuid.uuid4(), user_id=owner, refresh_hash=refresh_hash, previous_hash=None,
                created_at=now, last_used_at=now, expires_at=now + lifetime, ip=ip, user_agent=agent,
            )  # fmt: skip
            new_device = _is_new_device(session, owner, agent)
            session.add(row)
            self.announce(
                session, owner, events.USER_LOGGED_IN, session_id=str(row.id), ip=ip, user_agent=agent,
                new_device=new_device,
            )  # fmt: skip
        return row

    def rotate(self, refresh_hash: str, new_hash: str) -> tuple[SessionRow, User] | None:
        """Exchange a refresh token; None if it is unknown, over, or used before (that ends the session).

        For ten seconds the last exchange may be asked for again, by a client that lost the answer: it
        gets the same token, and nothing changes.
        """
        with self.transaction() as session:
            query = select(SessionRow).where(
                or_(SessionRow.refresh_hash == refresh_hash, SessionRow.previous_hash == refresh_hash)
            )
            row = session.scalar(query.with_for_update())
            user = session.get(User, row.user_id) if row else None
            if row is None or user is None or user.disabled or row.expires_at < clock.now():
                return None
            if row.refresh_hash == refresh_hash:
                row.previous_hash, row.refresh_hash, row.last_used_at = refresh_hash, new_hash, clock.now()
            elif row.refresh_hash != new_hash or row.last_used_at + REUSE_GRACE < clock.now():
                self._end(session, row.user_id, [row.id])
                return None
            return row, user

    def of(self, user_id: str) -> Sequence[SessionRow]:
        """The user's live sessions, the last used first."""
        with self.transaction() as session:
            mine = select(SessionRow).where(_live(parse_id(user_id), clock.now()))
            return session.scalars(mine.order_by(SessionRow.last_used_at.desc())).all()

    def end(self, user_id: str, session_id: str | None) -> list[str]:
        """End one session of the user, or all (None); the ids of those that ended."""
        with self.transaction() as session:
            owner = parse_id(user_id)
            query = select(SessionRow.id).where(SessionRow.user_id == owner)
            if session_id is not None:
                query = query.where(SessionRow.id == _parse_session_id(session_id))
            ended = list(session.scalars(query))
            if ended:
                self._end(session, owner, ended)
        return [str(one) for one in ended]

    def _end(self, session: Session, user_id: uuid.UUID, ids: list[uuid.UUID]) -> None:
        session.execute(delete(SessionRow).where(SessionRow.id.in_(ids)))
        self.announce(session, user_id, events.SESSION_REVOKED, session_ids=[str(one) for one in ids])


def _parse_session_id(session_id: str) -> uuid.UUID:
    try:
        return parse_id(session_id)
    except NotFound:
        raise domain.no_such_session() from None


def _live(user_id: uuid.UUID, now: datetime) -> Any:
    return (SessionRow.user_id == user_id) & (SessionRow.expires_at > now)


def _is_new_device(session: Session, user_id: uuid.UUID, agent: str) -> bool:
    seen = select(SessionRow.id).where(SessionRow.user_id == user_id, SessionRow.user_agent == agent)
    return session.scalar(seen.limit(1)) is None
