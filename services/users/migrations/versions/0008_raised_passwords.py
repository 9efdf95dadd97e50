"""What a password's hash was before its cost was raised.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column: no cost was raised yet."""
    op.add_column("users", sa.Column("raised_from", sa.String(64)))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("users", "raised_from")
