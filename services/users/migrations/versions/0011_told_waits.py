"""Until when a wait lasted of which the audit log has a line.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column: the log has no line of any."""
    op.add_column("login_waits", sa.Column("told_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("login_waits", "told_until")
