"""From which addresses and devices a user has logged in: as hashes together with the user, and for a time."""

import uuid
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from common import clock
from services.users import domain
from services.users.models import LoginPlace

REMEMBERED = timedelta(days=180)


def seen(session: Session, user_id: uuid.UUID, kind: str, place: str) -> bool:
    """Whether the user has logged in from there. For a user who is none, it takes as long."""
    known = LoginPlace.key == _key(user_id, kind, place)
    return session.scalar(select(LoginPlace.key).where(known, LoginPlace.forget_at > clock.now())) is not None


def remember(session: Session, user_id: uuid.UUID, kind: str, place: str) -> None:
    """The user has logged in from there just now."""
    until = clock.now() + REMEMBERED
    row = insert(LoginPlace).values(key=_key(user_id, kind, place), user_id=user_id, forget_at=until)
    session.execute(row.on_conflict_do_update(index_elements=["key"], set_={"forget_at": until}))


def _key(user_id: uuid.UUID, kind: str, place: str) -> str:
    return domain.fingerprint_of(kind, str(user_id), place)
