"""A full context for each template, as the messaging service posts it."""

from typing import Any

PUBLIC_URL = "https://todos.example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"


def a_todo(title: str = "Buy milk", **facts: Any) -> dict[str, Any]:
    """A todo as mails know it."""
    usual = {"status": "pending", "priority": "high", "due_at": "2026-11-23T08:00:00Z", "id": "6561"}
    return {"title": title, **usual, **facts}


def a_mail(template: str = "todo_created", title: str = "Buy milk", **context: Any) -> dict[str, Any]:
    """A mail as a digest knows it."""
    about = {"todos": [{"title": title}], "count": 1, **context}
    return {"template": template, "at": "2026-11-22T13:45:00.000Z", "context": about}


def full_context(template: str) -> dict[str, Any]:
    """Every variable of the template, required and optional."""
    todos = {"todos": [a_todo()], "count": 1}
    contexts: dict[str, dict[str, Any]] = {
        "welcome": {"email": "ada@example.com", "verification_token": "v-token"},
        "welcome_back": {
            "logged_in_at": "2026-11-22T13:45:00Z",
            "ip": "203.0.113.7",
            "user_agent": FIREFOX,
            "new_device": False,
        },
        "todo_created": todos,
        "todo_updated": {**todos, "completed": False, "changes": ["title", "due_at"]},
        "todo_deleted": todos,
        "todo_reminder": todos,
        "password_reset": {"reset_token": "r-token", "expires_in": "1 hour"},
        "password_changed": {"changed_at": "2026-11-22T13:45:00Z", "ip": "203.0.113.7"},
        "email_verification": {"verification_token": "v-token", "new_email": "ada@new.example"},
        "digest": {"mails": [a_mail(), a_mail("todo_deleted")]},
        "system_alert": {"title": "Maintenance tonight", "message": "Read-only from 22:00.\n\nThank you."},
    }
    return {"name": "Ada", **contexts[template]}
