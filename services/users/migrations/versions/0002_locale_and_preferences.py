"""A user's locale, and which mails they have switched off.

The defaults stay in the table: a process of the version before may still insert.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_PREFERENCES = ("todo_mails", "login_mails")


def upgrade() -> None:
    """Add the columns: English, and all mails."""
    op.add_column("users", sa.Column("locale", sa.String(16), nullable=False, server_default="en"))
    for name in _PREFERENCES:
        op.add_column("users", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Drop the columns."""
    for name in (*_PREFERENCES, "locale"):
        op.drop_column("users", name)
