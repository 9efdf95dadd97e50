"""The kinds of mail: the words that messaging asks with and notifications has a template for."""

TEMPLATES = (
    "welcome", "welcome_back", "todo_created", "todo_updated", "todo_deleted", "todo_reminder",
    "password_reset", "password_changed", "email_verification", "system_alert",
)  # fmt: skip
