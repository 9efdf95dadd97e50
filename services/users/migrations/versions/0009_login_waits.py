"""Wrong passwords and what they cost, and from where a user has logged in before.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "login_waits",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(64)),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("wait_until", _MOMENT),
        sa.Column("forget_at", _MOMENT, nullable=False),
    )
    for column in ("account", "forget_at"):
        op.create_index(f"ix_login_waits_{column}", "login_waits", [column])
    op.create_table(
        "login_places",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("user_id", postgresql.UUID, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("forget_at", _MOMENT, nullable=False),
    )
    for column in ("user_id", "forget_at"):
        op.create_index(f"ix_login_places_{column}", "login_places", [column])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("login_places", "login_waits"):
        op.drop_table(table)
