"""The audit log in PostgreSQL: added to with each change, or alone for what was refused; read in pages."""

import uuid
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from common import clock
from common.addresses import email_key
from common.errors import TooManyRequests
from common.paging import Page, bad_cursor, read_cursor, write_cursor
from services.users import domain
from services.users.audit import REFUSED, Audited
from services.users.models import AuditLine, AuditOrigin
from services.users.repository import Repository
from services.users.users import parse_id

Found = tuple[AuditLine, AuditOrigin | None]
_LARGEST_ID = 2**63
_DAY = timedelta(days=1)
IN_A_WAIT = "too_many_guesses"
"""The reason of a refusal that wrong passwords before it have cost: this one was not looked at."""


class AuditRepository(Repository):
    """Lines of the audit log."""

    def refused(self, event: Audited, user_id: str | None, guessed: str = "", **details: Any) -> None:
        """A line for what was refused, and so has changed nothing else.

        ``guessed`` is the address of an account whose password was wrong: it costs waits that grow.
        TooManyRequests, and no word on the password, if others have begun a wait at the same moment.
        """
        user = parse_id(user_id) if user_id else None
        try:
            with self.transaction() as session:
                self._record_refusal(session, event, user, **details)
                if guessed:
                    self._guesses.count(session, email_key(guessed), user)
        except TooManyRequests:
            self.check_waits(event, guessed, user)
            raise

    def check_waits(self, event: Audited, email: str, user_id: uuid.UUID | None) -> None:
        """TooManyRequests while wrong passwords for this address cost the caller a wait.

        The first refusal in a wait has a line: so many as there are waits, however many tries.
        """
        key = email_key(email)
        try:
            with self.transaction() as session:
                self._guesses.check(session, key, user_id)
        except TooManyRequests:
            with self.transaction() as session:
                wait = self._guesses.untold(session, key, user_id)
                if wait:
                    self._record_refusal(session, event, user_id, reason=IN_A_WAIT)
                    if not self._guesses.tell(session, wait):
                        session.rollback()
            raise

    def _record_refusal(
        self, session: Session, event: Audited, user_id: uuid.UUID | None, **details: Any
    ) -> None:
        if event == Audited.LOGIN:
            self._tell_of_a_run(session, user_id)
        self.record(session, event, user_id, outcome=REFUSED, **details)

    def _tell_of_a_run(self, session: Session, user_id: uuid.UUID | None) -> None:
        """Have the owner told by the fifth refused login in a row within a day.

        Counted for nobody as well: how long it takes must not tell whether an address has an account.
        """
        whose = user_id or uuid.uuid4()
        session.execute(select(func.pg_advisory_xact_lock(whose.int % _LARGEST_ID)))
        mine = select(AuditLine.outcome).where(
            AuditLine.user_id == whose, AuditLine.event == Audited.LOGIN, AuditLine.at > clock.now() - _DAY
        )
        last = session.scalars(mine.order_by(AuditLine.id.desc()).limit(domain.TOLD_FAILURES)).all()
        before = list(takewhile(lambda outcome: outcome == REFUSED, last))
        if user_id and len(before) == domain.TOLD_FAILURES - 1:
            self.alert(session, user_id, "login_failures")

    def exported(self, user_id: str) -> None:
        """A line for who takes along all that is kept of a user."""
        with self.transaction() as session:
            self.record(session, Audited.DATA_EXPORTED, parse_id(user_id))

    def page(self, query: dict[str, Any]) -> Page[Found]:
        """Lines that match, newest first, a page at a time."""
        wanted = _matching(query).order_by(AuditLine.id.desc()).limit(query["limit"] + 1)
        if query["cursor"]:
            wanted = wanted.where(AuditLine.id < _place(query["cursor"]))
        with self.transaction() as session:
            found = [(line, origin) for line, origin in session.execute(wanted)]
        return Page.cut(found, query["limit"], None, lambda one: write_cursor(one[0].id))


def _matching(query: dict[str, Any]) -> Any:
    wanted: Any = select(AuditLine, AuditOrigin).outerjoin(AuditOrigin)
    if user_id := query.get("user_id"):
        wanted = wanted.where(or_(AuditLine.user_id == user_id, AuditLine.actor_id == user_id))
    if event := query.get("event"):
        wanted = wanted.where(AuditLine.event == event)
    since: datetime | None = query.get("since")
    if since:
        wanted = wanted.where(AuditLine.at >= since)
    until: datetime | None = query.get("until")
    if until:
        wanted = wanted.where(AuditLine.at < until)
    return wanted


def _place(cursor: str) -> int:
    [line_id] = read_cursor(cursor, 1)
    if isinstance(line_id, bool) or not isinstance(line_id, int) or not 0 < line_id < _LARGEST_ID:
        raise bad_cursor()
    return line_id
