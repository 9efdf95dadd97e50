"""Secrets that go out by mail: kept hashed, good once and for a time, one of a kind for each user."""

import uuid
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from common import clock
from services.users import domain
from services.users.models import OneTimeToken, User


def make(user_id: uuid.UUID, secret: str, purpose: str) -> OneTimeToken:
    """The row of a secret, good from now on."""
    return OneTimeToken(
        token_hash=domain.fingerprint(secret), user_id=user_id, purpose=purpose,
        expires_at=clock.now() + domain.LIFETIMES[purpose],
    )  # fmt: skip


def issue(session: Session, user: User, purpose: str) -> str:
    """A new secret in place of older ones. The user's row has to be locked: of two at once, one lives."""
    secret = domain.new_secret()
    void(session, user, purpose)
    session.add(make(user.id, secret, purpose))
    return secret


def void(session: Session, user: User, *purposes: str) -> None:
    """Make the user's secrets for that worth nothing."""
    mine = (OneTimeToken.user_id == user.id) & OneTimeToken.purpose.in_(purposes)
    session.execute(delete(OneTimeToken).where(mine), execution_options={"synchronize_session": False})


def owner(session: Session, secret: str, purpose: str) -> User | None:
    """Whose good secret this is; None for one that is unknown, used or over."""
    return session.scalar(select(User).join(OneTimeToken).where(_is_good(secret, purpose)))


def use_up(session: Session, secret: str, purpose: str) -> User | None:
    """The secret's owner, locked, for the one who comes first with a good one; None for all others."""
    found = owner(session, secret, purpose)
    # The user first, then the secret, as `issue` does: in another order the two could wait for each other.
    user = session.get(User, found.id, with_for_update=True, populate_existing=True) if found else None
    gone = delete(OneTimeToken).where(_is_good(secret, purpose)).returning(OneTimeToken.user_id)
    used = session.scalar(gone, execution_options={"synchronize_session": False}) if user else None
    return user if used else None


def _is_good(secret: str, purpose: str) -> Any:
    return (
        (OneTimeToken.token_hash == domain.fingerprint(secret))
        & (OneTimeToken.purpose == purpose)
        & (OneTimeToken.expires_at > clock.now())
    )
