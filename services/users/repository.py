"""A transaction with the outbox and the audit log in it: what the user service's repositories share."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from common import clock, events
from common.events import Event
from common.outbox import Relay
from common.postgres import translated
from common.revocations import MARGIN_SECONDS
from services.users.audit import SUCCEEDED, Audited, Origin
from services.users.domain import Policy
from services.users.guesses import Guesses
from services.users.models import (
    AccessToken,
    AuditLine,
    AuditOrigin,
    LoginPlace,
    LoginWait,
    OutboxRow,
    Registration,
    RevokedSession,
    SessionRow,
    UsedRefreshToken,
    User,
)

_PUBLISH_SECONDS = 1.0
_FORGET_BATCH = 1000
_MARGIN = timedelta(seconds=MARGIN_SECONDS)
_OUTDATED: tuple[tuple[Any, Any], ...] = (
    (RevokedSession, RevokedSession.id), (UsedRefreshToken, UsedRefreshToken.token_hash),
    (Registration, Registration.key_digest), (LoginWait, LoginWait.key), (LoginPlace, LoginPlace.key),
)  # fmt: skip


class Repository:
    """A transaction, and the outbox in it."""

    def __init__(self, session: Callable[..., Session], relay: Relay, policy: Policy, origin: Origin) -> None:
        self._new_session = session
        self._relay = relay
        self._policy = policy
        self._origin = origin
        self._guesses = Guesses(policy.free_guesses, origin.client.ip)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end, roll back on an error; then have the events published.

        That a session has ended is published before the caller is answered, if the broker takes it at
        once: who is told that the session is over finds it so everywhere.
        """
        self._announced: set[str] = set()
        # nameko-sqlalchemy's session commits at the end of its block; SQLAlchemy's own would not.
        with translated(), self._new_session(close_on_exit=True) as session:
            yield session
        if events.SESSION_REVOKED.name in self._announced:
            self._relay.publish_now(_PUBLISH_SECONDS)
        elif self._announced:
            self._relay.wake()

    def announce(self, session: Session, user_id: uuid.UUID, event: Event, **fields: Any) -> None:
        """Store an event with the change."""
        payload = event.make(self._origin.request_id, user_id=str(user_id), **fields)
        row = OutboxRow(aggregate=str(user_id), source=event.source, name=event.name, payload=payload)
        session.add(row)
        self._announced.add(event.name)

    def alert(self, session: Session, user_id: uuid.UUID, alert: str, **fields: str) -> None:
        """Have the owner told by mail, in the words that messaging has for this alert."""
        ip = self._origin.client.ip
        self.announce(session, user_id, events.ACCOUNT_ALERTED, alert=alert, ip=ip, **fields)

    def record(
        self, session: Session, event: Audited, user_id: uuid.UUID | None, *, outcome: str = SUCCEEDED,
        **details: Any,
    ) -> None:  # fmt: skip
        """Store a line of the audit log with the change.

        Without a caller's token, who succeeds is the user, and who is refused is not known. Address and
        program belong to who has acted, else to the account, and go with that; if it is gone, nothing of
        them is kept.
        """
        origin = self._origin
        actor = uuid.UUID(origin.actor_id) if origin.actor_id else user_id if outcome == SUCCEEDED else None
        line = AuditLine(
            at=clock.now(), event=event, outcome=outcome, user_id=user_id, actor_id=actor,
            request_id=origin.request_id, details=details,
        )  # fmt: skip
        session.add(line)
        session.flush()
        owner = actor or user_id
        # Asked for nobody as well: how long it takes must not tell whether an address has an account.
        is_there = session.scalar(_exists(owner or uuid.uuid4()))
        if owner is None or is_there:
            where = {"ip": origin.client.ip, "user_agent": origin.client.user_agent}
            session.add(AuditOrigin(line_id=line.id, owner_id=owner, **where))

    def end_tokens(self, session: Session, user_id: uuid.UUID, *which: Any) -> list[uuid.UUID]:
        """End the user's personal access tokens, or those that match; the ids of those that ended.

        They are remembered until they would have expired, which is longer than for sessions.
        """
        mine = delete(AccessToken).where(AccessToken.user_id == user_id, *which)
        ended = session.execute(mine.returning(AccessToken.id, AccessToken.expires_at)).all()
        if ended:
            until = {one: expires_at + _MARGIN for one, expires_at in ended}
            session.add_all(RevokedSession(id=one, forget_at=forget_at) for one, forget_at in until.items())
            kept_until = {str(one): forget_at.timestamp() for one, forget_at in until.items()}
            self.announce(
                session, user_id, events.SESSION_REVOKED, session_ids=list(kept_until), kept_until=kept_until
            )
        return [one for one, _ in ended]

    def end_access(self, session: Session, user_id: uuid.UUID) -> None:
        """End all that lets the user in: sessions and personal access tokens."""
        self.end_sessions(session, user_id)
        self.end_tokens(session, user_id)

    def end_sessions(self, session: Session, user_id: uuid.UUID, *which: Any) -> list[uuid.UUID]:
        """End the user's sessions, or those that match: their refresh and access tokens are worth nothing.

        The ids of those that ended; they are remembered for processes that start later.
        """
        gone = delete(SessionRow).where(SessionRow.user_id == user_id, *which).returning(SessionRow.id)
        ended = list(session.scalars(gone))
        if ended:
            forget_at = clock.now() + self._policy.tokens_live
            session.add_all(RevokedSession(id=one, forget_at=forget_at) for one in ended)
            forget_outdated(session)
            self.announce(session, user_id, events.SESSION_REVOKED, session_ids=[str(one) for one in ended])
        return ended


def _exists(user_id: uuid.UUID) -> Any:
    # Locked as its foreign keys lock it: whoever deletes the user waits, and takes the row along.
    return select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True)


def forget_outdated(session: Session) -> None:
    """Remove some rows whose time is over; those that another transaction removes just now are left to it."""
    for table, key in _OUTDATED:
        over = select(key).where(table.forget_at < clock.now()).limit(_FORGET_BATCH)
        gone = delete(table).where(key.in_(over.with_for_update(skip_locked=True)))
        session.execute(gone, execution_options={"synchronize_session": False})
