"""Users and their sessions, in PostgreSQL."""
