"""Sessions that have ended, and refresh tokens that were used.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables; the last used token of each session is known already."""
    op.create_table(
        "revoked_sessions",
        sa.Column("id", postgresql.UUID, primary_key=True),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_revoked_sessions_forget_at", "revoked_sessions", ["forget_at"])
    session = sa.ForeignKey("sessions.id", ondelete="CASCADE")
    op.create_table(
        "used_refresh_tokens",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("session_id", postgresql.UUID, session, nullable=False),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=False),
    )
    for column in ("session_id", "forget_at"):
        op.create_index(f"ix_used_refresh_tokens_{column}", "used_refresh_tokens", [column])
    op.execute(
        "INSERT INTO used_refresh_tokens SELECT previous_hash, id, expires_at FROM sessions"
        " WHERE previous_hash IS NOT NULL"
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("used_refresh_tokens", "revoked_sessions"):
        op.drop_table(table)
