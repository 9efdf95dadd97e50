"""Personal access tokens in PostgreSQL: what they are for and until when; of the token itself, a hash."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update

from common import clock
from common.errors import NotFound
from services.users import domain
from services.users.audit import Audited
from services.users.models import AccessToken, SessionRow
from services.users.repository import Repository
from services.users.users import find, parse_id

USED_EVERY = timedelta(minutes=1)


class AccessTokenRepository(Repository):
    """A user's tokens for scripts and other systems."""

    def keep(self, token: dict[str, Any], role: str, session_id: str) -> AccessToken:
        """Keep a new token; Unauthenticated if the session that asked for it ends or changes just now."""
        with self.transaction() as session:
            user = find(session, token["user_id"], lock=True)
            if user.disabled or user.role != role or session.get(SessionRow, parse_id(session_id)) is None:
                raise domain.session_is_over()
            domain.check_token_count(session.scalar(_count(user.id)) or 0)
            kept = AccessToken(
                id=parse_id(token["id"]), user_id=user.id, name=token["name"], scopes=token["scopes"],
                token_hash=token["token_hash"], created_at=clock.now(), last_used_at=None,
                expires_at=datetime.fromtimestamp(token["expires_at"], UTC),
            )  # fmt: skip
            session.add(kept)
            self.record(session, Audited.TOKEN_MADE, user.id, token_id=token["id"], scopes=kept.scopes)
            self.alert(session, user.id, "access_token_made")
        return kept

    def of(self, user_id: str) -> Sequence[AccessToken]:
        """The user's tokens that are good, the newest first."""
        mine = select(AccessToken).where(_good(parse_id(user_id)))
        with self.transaction() as session:
            return session.scalars(mine.order_by(AccessToken.created_at.desc(), AccessToken.id)).all()

    def end(self, user_id: str, token_id: str) -> None:
        """End one of the user's tokens; NotFound if there is none like it."""
        with self.transaction() as session:
            owner, one = parse_id(user_id), _parse_token_id(token_id)
            if not self.end_tokens(session, owner, AccessToken.id == one):
                raise domain.no_such_token()
            self.record(session, Audited.TOKEN_ENDED, owner, token_id=str(one))

    def note_uses(self, token_ids: Sequence[str]) -> None:
        """Write when tokens were last used, for each at most once a minute."""
        now = clock.now()
        known = [_parse_token_id(one) for one in token_ids]
        is_due = or_(AccessToken.last_used_at.is_(None), AccessToken.last_used_at < now - USED_EVERY)
        change = update(AccessToken).where(AccessToken.id.in_(known), is_due).values(last_used_at=now)
        with self.transaction() as session:
            session.execute(change, execution_options={"synchronize_session": False})


def _good(user_id: uuid.UUID) -> Any:
    return (AccessToken.user_id == user_id) & (AccessToken.expires_at > clock.now())


def _count(user_id: uuid.UUID) -> Any:
    return select(func.count()).select_from(AccessToken).where(_good(user_id))


def _parse_token_id(token_id: str) -> uuid.UUID:
    try:
        return parse_id(token_id)
    except NotFound:
        raise domain.no_such_token() from None
