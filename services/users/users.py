"""Users in PostgreSQL: by id, by address, in pages. Each change and its event are one transaction."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from common import clock, events
from common.addresses import email_key, read_email
from common.idempotency import Key
from common.locales import DEFAULT_LOCALE
from common.logging import get_logger
from common.mail_kinds import PREFERENCES
from common.paging import Page, bad_cursor, read_cursor, write_cursor
from services.users import domain, guesses, one_time_tokens, registrations
from services.users.audit import Audited, changes_audited
from services.users.models import User
from services.users.repository import Repository

log = get_logger()
_FIRST_ADMIN_LOCK = 7_130_002
_ADMINS_LOCK = 7_130_003


class UserRepository(Repository):
    """Users by id and by address."""

    def add(
        self, email: str, name: str, password_hash: str, role: str = "user", locale: str = DEFAULT_LOCALE,
        idempotency_key: Key | None = None,
    ) -> User:  # fmt: skip
        """A new user, ``user_registered`` with it; Conflict if the address has an account.

        A key that has made a user gives that user as it was then, whatever has become of it since.
        """
        now, token = clock.now(), domain.new_secret()
        user = User(
            id=uuid.uuid4(), email=email, email_key=email_key(email), name=name, role=role, disabled=False,
            email_verified=False, password_hash=password_hash, version=1, created_at=now, updated_at=now,
            locale=locale, **dict.fromkeys(PREFERENCES, True),
        )  # fmt: skip
        with self.transaction() as session:
            if idempotency_key and (made := registrations.known(session, idempotency_key)):
                # The fingerprint was the same, so all else was as it is in this call.
                user.id, user.created_at = made.user_id, made.created_at
                return user
            session.add(user)
            _flush_unique(session)
            if idempotency_key:
                registrations.remember(session, idempotency_key, user)
            session.add(one_time_tokens.make(user.id, token, domain.VERIFY_EMAIL))
            self.record(session, Audited.REGISTERED, user.id)
            self.announce(session, user.id, events.USER_REGISTERED, **contact(user), verification_token=token)
        return user

    def get(self, user_id: str) -> User:
        """The user; NotFound for an id that is none, or nobody's."""
        with self.transaction() as session:
            return find(session, user_id)

    def by_email(self, email: str) -> User | None:
        """The user with that address, however it is spelled."""
        with self.transaction() as session:
            return session.scalar(select(User).where(User.email_key == email_key(email)))

    def update(self, user_id: str, changes: dict[str, Any]) -> User:
        """Apply changes that passed the rules, ``user_updated`` with them; nothing if nothing changes.

        Another address is only asked for: it counts from its confirmation on.
        """
        wanted, changes = changes.get("email"), {key: it for key, it in changes.items() if key != "email"}
        with self.transaction() as session:
            admins = _lock_admins(session) if domain.ADMIN_FIELDS & changes.keys() else []
            user = find(session, user_id, lock=True)
            if domain.loses_admin(user.role, user.disabled, changes):
                domain.check_admins_left(len(set(admins) - {user.id}))
            changed = [key for key, value in changes.items() if getattr(user, key) != value]
            if changed:
                if domain.ends_sessions(changed):
                    self.end_access(session, user.id)
                self._apply(session, user, {key: changes[key] for key in changed})
            if wanted is not None:
                self._ask_for_address(session, user, wanted)
        return user

    def delete(self, user_id: str) -> None:
        """Remove the user and all rows that belong to it, ``user_deleted`` with that."""
        with self.transaction() as session:
            admins = _lock_admins(session)
            user = find(session, user_id, lock=True)
            if user.id in admins:
                domain.check_admins_left(len(admins) - 1)
            self.end_access(session, user.id)
            guesses.forget(session, user.email_key)
            session.delete(user)
            session.flush()
            self.record(session, Audited.USER_DELETED, user.id)
            self.announce(session, user.id, events.USER_DELETED)

    def verify_email(self, token: str) -> bool:
        """Use up a token that went to an address; False if there is none like it, or its time is over.

        It confirms the present address or the one that was asked for, which is the present one from then on;
        Conflict if that has an account by now.
        """
        with self.transaction() as session:
            if user := one_time_tokens.use_up(session, token, domain.VERIFY_EMAIL):
                self._apply(session, user, {"email_verified": True})
                self.record(session, Audited.EMAIL_VERIFIED, user.id)
            elif user := one_time_tokens.use_up(session, token, domain.CHANGE_EMAIL):
                self._take_address(session, user)
            return user is not None

    def request_verification(self, user_id: str) -> None:
        """A new token in place of older ones, to the address that is to be confirmed, if there is one."""
        with self.transaction() as session:
            user = find(session, user_id, lock=True)
            if user.pending_email:
                self._mail_link(session, user, domain.CHANGE_EMAIL, user.pending_email)
            elif not user.email_verified:
                self._mail_link(session, user, domain.VERIFY_EMAIL, user.email)

    def page(self, query: dict[str, Any]) -> Page[User]:
        """Users that match, newest first, a page at a time; the total if asked for."""
        wanted = select(User)
        if query.get("q"):
            part = f"%{_literal(query['q'])}%"
            wanted = wanted.where(or_(User.name.ilike(part), User.email.ilike(part)))
        if query.get("role"):
            wanted = wanted.where(User.role == query["role"])
        place = tuple_(User.created_at, User.id)
        shown = wanted.order_by(User.created_at.desc(), User.id.desc()).limit(query["limit"] + 1)
        if query["cursor"]:
            shown = shown.where(place < tuple_(*_place(query["cursor"])))
        with self.transaction() as session:
            found = list(session.scalars(shown))
            counted = select(func.count()).select_from(wanted.subquery())
            total = session.scalar(counted) if query["count"] == "true" else None
        return Page.cut(
            found, query["limit"], total, lambda user: write_cursor(user.created_at, str(user.id))
        )

    def ensure_admin(self, email: str, password_hash: str) -> None:
        """Make the first administrator if there is none; instances that start together make one."""
        with self.transaction() as session:
            session.execute(select(func.pg_advisory_xact_lock(_FIRST_ADMIN_LOCK)))
            if session.scalar(select(func.count()).where(User.role == "admin")):
                return
            if session.scalar(select(User.id).where(User.email_key == email_key(email))):
                log.error("first_admin_not_made", reason="ADMIN_EMAIL is the address of a user who is none")
                return
            self.add(read_email(email), "Administrator", password_hash, role="admin")
        log.info("first_admin_made")

    def _apply(self, session: Session, user: User, changes: dict[str, Any]) -> None:
        for key, value in changes.items():
            setattr(user, key, value)
        user.version += 1
        user.updated_at = clock.now()
        _flush_unique(session)
        for event, details in changes_audited(changes):
            self.record(session, event, user.id, **details)
        told = sorted(changes.keys() - {"email_key", "pending_email"})
        self.announce(session, user.id, events.USER_UPDATED, **contact(user), changes=told)

    def _ask_for_address(self, session: Session, user: User, email: str) -> None:
        """A link that confirms the address goes there, and the present one hears of it."""
        if email == user.email:
            user.pending_email = None
            one_time_tokens.void(session, user, domain.CHANGE_EMAIL)
        elif email != user.pending_email:
            others = select(User.id).where(User.email_key == email_key(email), User.id != user.id)
            if session.scalar(others):
                raise domain.taken()
            user.pending_email, user.updated_at = email, clock.now()
            self.record(session, Audited.EMAIL_CHANGE_REQUESTED, user.id)
            self.alert(session, user.id, "email_change_requested")
            self._mail_link(session, user, domain.CHANGE_EMAIL, email)

    def _take_address(self, session: Session, user: User) -> None:
        """The address that was asked for is the user's from now on; the old one hears of it."""
        email, old_address = str(user.pending_email), user.email
        # Links that went to the old address open no account any more.
        one_time_tokens.void(session, user, *domain.LIFETIMES)
        confirmed = {"email_key": email_key(email), "email_verified": True, "pending_email": None}
        self._apply(session, user, {"email": email, **confirmed})
        self.alert(session, user.id, "email_changed", recipient=old_address)

    def _mail_link(self, session: Session, user: User, purpose: str, email: str) -> None:
        token = one_time_tokens.issue(session, user, purpose)
        self.announce(
            session, user.id, events.EMAIL_VERIFICATION_REQUESTED, verification_token=token, new_email=email
        )


def contact(user: User) -> dict[str, Any]:
    """Where a user's mails go, in which language, and which are wanted; and which version says so."""
    return {
        "email": user.email,
        "name": user.name,
        "locale": user.locale,
        "preferences": user.preferences,
        "user_version": user.version,
    }


def parse_id(user_id: str) -> uuid.UUID:
    """The id; NotFound for a text that is none."""
    try:
        return uuid.UUID(user_id)
    except (ValueError, TypeError, AttributeError):
        raise domain.not_found() from None


def find(session: Session, user_id: str, *, lock: bool = False) -> User:
    """The user's row; NotFound if there is none."""
    user = session.get(User, parse_id(user_id), with_for_update=lock or None)
    if user is None:
        raise domain.not_found()
    return user


def _flush_unique(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as problem:
        if "users_email_key_key" in str(problem.orig):
            raise domain.taken() from None
        raise


def _lock_admins(session: Session) -> Sequence[uuid.UUID]:
    # Two administrators who demote each other at the same moment take turns, and the second finds that
    # it would be the last. One lock for all of them: rows would be locked in an order that changes.
    session.execute(select(func.pg_advisory_xact_lock(_ADMINS_LOCK)))
    return session.scalars(select(User.id).where(User.role == "admin", User.disabled.is_(False))).all()


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _place(cursor: str) -> tuple[Any, uuid.UUID]:
    moment, user_id = read_cursor(cursor)
    try:
        return datetime.fromisoformat(moment), uuid.UUID(user_id)
    except (ValueError, TypeError, AttributeError):
        raise bad_cursor() from None
