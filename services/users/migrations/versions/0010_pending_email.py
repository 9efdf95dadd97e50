"""The address that a user has asked for and not confirmed yet.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column: nobody has asked."""
    op.add_column("users", sa.Column("pending_email", sa.String(320)))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("users", "pending_email")
