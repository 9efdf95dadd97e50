"""The audit log, which can be added to and read, and nothing else.

A line names people by their ids. Address and program of who has acted lie beside it and go with their
owner, by the foreign key alone: a trigger tells that deletion (which comes out of another trigger) from one
by hand.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_REFUSE = """
CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log can only be added to' USING ERRCODE = 'insufficient_privilege';
END $$"""
_GUARDS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER append_only BEFORE UPDATE ON audit_origins
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER goes_with_its_owner BEFORE DELETE ON audit_origins
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_origins
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit()"""


def upgrade() -> None:
    """Make the tables and what guards them."""
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("user_id", postgresql.UUID),
        sa.Column("actor_id", postgresql.UUID),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("details", postgresql.JSONB, nullable=False),
    )
    for column in ("at", "event", "user_id", "actor_id"):
        op.create_index(f"ix_audit_{column}", "audit", [column])
    op.create_table(
        "audit_origins",
        sa.Column("line_id", sa.BigInteger, sa.ForeignKey("audit.id"), primary_key=True),
        sa.Column("owner_id", postgresql.UUID, sa.ForeignKey("users.id", ondelete="CASCADE")),
        sa.Column("ip", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(256), nullable=False),
    )
    op.create_index("ix_audit_origins_owner_id", "audit_origins", ["owner_id"])
    op.execute(_REFUSE)
    for guard in _GUARDS.split(";"):
        op.execute(guard)


def downgrade() -> None:
    """Drop the tables with their guards."""
    for table in ("audit_origins", "audit"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change_of_audit()")
