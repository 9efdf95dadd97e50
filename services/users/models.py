"""The user service's tables."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, Identity, Integer, String, Text, exists
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column

from common.mail_kinds import PREFERENCES


class Base(DeclarativeBase):
    """All tables of this service."""


class SecondFactor(Base):
    """The secret of a user's authenticator app, sealed by auth. It counts once it is confirmed.

    ``last_step`` is the time step of the last code that was good: that one and older ones are so no more.
    """

    __tablename__ = "second_factors"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_step: Mapped[int] = mapped_column(BigInteger)
    failures: Mapped[int] = mapped_column(Integer)
    wait_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class User(Base):
    """A person. ``email_key`` is what makes an address unique: see ``domain.email_key``.

    ``raised_from`` is the SHA-256 of the hash that this password had at a lower cost: what was checked
    against that one was checked against this password. ``pending_email`` counts once it is confirmed.
    """

    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(PgUuid, primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16))
    disabled: Mapped[bool] = mapped_column(Boolean)
    email_verified: Mapped[bool] = mapped_column(Boolean)
    pending_email: Mapped[str | None] = mapped_column(String(320))
    password_hash: Mapped[str] = mapped_column(String(200))
    raised_from: Mapped[str | None] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(16))
    todo_mails: Mapped[bool] = mapped_column(Boolean)
    login_mails: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    has_second_factor: Mapped[bool] = column_property(
        exists()
        .where(SecondFactor.user_id == id, SecondFactor.confirmed_at.is_not(None))
        .correlate_except(SecondFactor)
    )
    """Whether a login takes a second factor."""

    @property
    def preferences(self) -> dict[str, bool]:
        """Which mails the user wants, of those that can be switched off."""
        return {name: getattr(self, name) for name in PREFERENCES}


class SessionRow(Base):
    """A login: one device, one chain of refresh tokens, of which the newest is kept, hashed."""

    __tablename__ = "sessions"

    id: Mapped[uuid.UUID] = mapped_column(PgUuid, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    refresh_hash: Mapped[str] = mapped_column(String(64), unique=True)
    previous_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ip: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))


class UsedRefreshToken(Base):
    """A refresh token that was exchanged, hashed. Who comes with it again stole it, or was stolen from."""

    __tablename__ = "used_refresh_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    forget_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class RevokedSession(Base):
    """A session that has ended, for as long as an access token of it may still be out."""

    __tablename__ = "revoked_sessions"

    id: Mapped[uuid.UUID] = mapped_column(PgUuid, primary_key=True)
    forget_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class LoginWait(Base):
    """Wrong passwords in a row: for an account, an address, or the one at the other, all of them hashed.

    ``account`` is the account's own key, for its removal. ``told_until`` is the wait of which the audit log
    has a line.
    """

    __tablename__ = "login_waits"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str | None] = mapped_column(String(64), index=True)
    failures: Mapped[int] = mapped_column(Integer)
    wait_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    told_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    forget_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class LoginPlace(Base):
    """That a user has logged in from an address or a device, which is hashed together with the user."""

    __tablename__ = "login_places"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    forget_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class Registration(Base):
    """A registration with an idempotency key: the user it made. Nothing personal: it outlives the user."""

    __tablename__ = "registrations"

    key_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[uuid.UUID] = mapped_column(PgUuid)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    forget_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class OneTimeToken(Base):
    """A secret sent by mail, hashed: what it is for, and until when."""

    __tablename__ = "one_time_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RecoveryCode(Base):
    """A code in place of an app's, hashed, good once."""

    __tablename__ = "recovery_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("second_factors.user_id", ondelete="CASCADE"), index=True
    )


class AccessToken(Base):
    """A personal access token: what it may be used for, until when, and its hash."""

    __tablename__ = "access_tokens"

    id: Mapped[uuid.UUID] = mapped_column(PgUuid, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class AuditLine(Base):
    """A security event. The database refuses to change or remove a line; it names people by id alone."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    event: Mapped[str] = mapped_column(String(64), index=True)
    outcome: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[uuid.UUID | None] = mapped_column(PgUuid, index=True)
    actor_id: Mapped[uuid.UUID | None] = mapped_column(PgUuid, index=True)
    request_id: Mapped[str] = mapped_column(String(128))
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


class AuditOrigin(Base):
    """From where the event of a line came: personal data of ``owner_id``, with whom it goes."""

    __tablename__ = "audit_origins"

    line_id: Mapped[int] = mapped_column(ForeignKey("audit.id"), primary_key=True)
    owner_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    ip: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))


class OutboxRow(Base):
    """An event that is stored and not yet published; see :mod:`common.outbox`."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    aggregate: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
