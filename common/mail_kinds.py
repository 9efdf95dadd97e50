"""The kinds of mail: the words that messaging asks with and notifications has a template for.

What stands in ``PREFERENCE_FOR`` is chatter: its reader can switch it off, by profile or with the link
in the mail. All else tells of an account's security or comes from the operators, and is always sent.
"""

TEMPLATES = (
    "welcome", "welcome_back", "todo_created", "todo_updated", "todo_deleted", "todo_reminder",
    "password_reset", "password_changed", "email_verification", "system_alert",
)  # fmt: skip
"""What can be asked for."""

PREFERENCES = ("todo_mails", "login_mails")
"""What a user can switch off; each is a column of the user service's table, and true by default."""

PREFERENCE_FOR = {
    "todo_created": "todo_mails",
    "todo_updated": "todo_mails",
    "todo_deleted": "todo_mails",
    "todo_reminder": "todo_mails",
    "welcome_back": "login_mails",
}
"""Which preference switches a template off."""

URGENT = ("welcome", "password_reset", "password_changed", "email_verification", "system_alert")
"""What somebody waits for or must know at once: it overtakes all else, and no limit holds it back."""

DIGEST = "digest"
"""Several mails in one: messaging makes it of what it has held back, and nobody can ask for it."""

KINDS = (*TEMPLATES, DIGEST)
