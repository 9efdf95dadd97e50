"""The user service: accounts and sessions in PostgreSQL."""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields
from nameko.events import EventDispatcher
from nameko.rpc import rpc
from nameko_sqlalchemy import Database
from sqlalchemy import ForeignKey
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import declarative_base, mapped_column
from sqlalchemy.types import Boolean, DateTime, String

Base: Any = declarative_base()


class User(Base):
    """An account."""

    __tablename__ = "users"
    id = mapped_column(String(36), primary_key=True)
    email = mapped_column(String(320), unique=True, nullable=False)
    name = mapped_column(String(100), nullable=False)
    role = mapped_column(String(16), nullable=False, default="user")
    email_verified = mapped_column(Boolean, nullable=False, default=False)
    password_hash = mapped_column(String(200), nullable=False)
    created_at = mapped_column(DateTime(timezone=True), nullable=False)


class Session(Base):
    """A login."""

    __tablename__ = "sessions"
    id = mapped_column(String(36), primary_key=True)
    user_id = mapped_column(ForeignKey("users.id"), index=True, nullable=False)
    refresh_hash = mapped_column(String(64), unique=True, nullable=False)
    created_at = mapped_column(DateTime(timezone=True), nullable=False)


class UserSchema(Schema):
    """An account as clients see it."""

    id = fields.String()
    email = fields.String()
    name = fields.String()
    role = fields.String()
    email_verified = fields.Boolean()
    created_at = fields.DateTime()


USER = UserSchema()


class Tables(Database):
    """Makes the tables at the start."""

    def setup(self) -> None:
        """Connect, then make what is missing."""
        super().setup()
        Base.metadata.create_all(self.engine)


class EmailTaken(Exception):
    """There is an account with this address."""


class UsersService:
    """Accounts and sessions."""

    name = "users"
    db = Tables(Base)
    dispatch = EventDispatcher()

    @rpc(expected_exceptions=EmailTaken)
    def create(self, email: str, name: str, password_hash: str) -> dict[str, Any]:
        """Keep a new account."""
        user = User(
            id=str(uuid.uuid4()), email=email.lower(), name=name, role="user", email_verified=False,
            password_hash=password_hash, created_at=datetime.now(UTC),
        )  # fmt: skip
        shown: dict[str, Any] = USER.dump(user)
        try:
            with self.db.get_session() as session:
                session.add(user)
        except IntegrityError:
            raise EmailTaken("There is an account with this address.") from None
        return shown

    @rpc
    def credentials(self, email: str) -> dict[str, Any] | None:
        """An account with its hash, or nothing."""
        with self.db.get_session() as session:
            user = session.query(User).filter_by(email=email.lower()).one_or_none()
            return user and {"user": USER.dump(user), "password_hash": user.password_hash}

    @rpc
    def open_session(self, user_id: str, refresh_token: str) -> str:
        """Keep a login and tell of it."""
        session_id, now = str(uuid.uuid4()), datetime.now(UTC)
        hashed = hashlib.sha256(refresh_token.encode()).hexdigest()
        with self.db.get_session() as session:
            session.add(Session(id=session_id, user_id=user_id, refresh_hash=hashed, created_at=now))
        self.dispatch("user_logged_in", {"user_id": user_id, "session_id": session_id})
        return session_id
