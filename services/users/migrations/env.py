"""Alembic's entry: runs the scripts over the connection that the user service opened."""

from alembic import context

from services.users.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
