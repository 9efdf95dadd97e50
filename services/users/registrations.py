"""Registrations with an idempotency key: remembered in the transaction that makes the user."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from common import clock
from common.idempotency import REMEMBERED, Key, in_flight
from services.users.models import Registration, User
from services.users.repository import forget_outdated


def known(session: Session, key: Key) -> Registration | None:
    """The registration with this key, and from now on nobody else's until the transaction ends.

    Conflict while another transaction is at it, ValidationFailed if its body was another.
    """
    lock = int.from_bytes(bytes.fromhex(key.digest)[:8], signed=True)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
        raise in_flight()
    found = session.get(Registration, key.digest)
    if found is None:
        return None
    if found.forget_at > clock.now():
        key.check(found.fingerprint)
        return found
    session.delete(found)
    session.flush()
    return None


def remember(session: Session, key: Key, user: User) -> None:
    """Keep which user a key has made."""
    made = Registration(
        key_digest=key.digest, fingerprint=key.fingerprint, user_id=user.id, created_at=user.created_at,
        forget_at=user.created_at + REMEMBERED,
    )  # fmt: skip
    session.add(made)
    forget_outdated(session)
