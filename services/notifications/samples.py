"""Sample data for each template, for an administrator who wants to see how a mail reads."""

from typing import Any

_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
_LOGIN = {
    "logged_in_at": "2030-01-31T12:00:00Z",
    "ip": "203.0.113.7",
    "user_agent": _FIREFOX,
    "new_device": True,
}
_TODO = {"title": "Buy milk", "status": "pending", "priority": "high", "due_at": "2030-01-31T12:00:00Z"}
_TODOS = {"todos": [_TODO], "count": 1}
_CONTEXTS: dict[str, dict[str, Any]] = {
    "welcome": {"email": "ada@example.com", "verification_token": "sample"},
    "welcome_back": _LOGIN,
    "todo_created": _TODOS,
    "todo_updated": {**_TODOS, "completed": False, "changes": ["title", "due_at"]},
    "todo_deleted": _TODOS,
    "todo_reminder": _TODOS,
    "password_reset": {"reset_token": "sample", "expires_in": "1 hour"},
    "password_changed": {"changed_at": "2030-01-31T12:00:00Z", "ip": "203.0.113.7"},
    "email_verification": {"verification_token": "sample", "new_email": "ada@example.com"},
    "digest": {
        "mails": [
            {"template": kind, "at": "2030-01-31T12:00:00Z", "context": _TODOS}
            for kind in ("todo_created", "todo_deleted")
        ]
    },
    "system_alert": {"title": "Maintenance tonight", "message": "Read-only from 22:00.\n\nThank you."},
}


def sample_context(template: str) -> dict[str, Any]:
    """Return what the template is filled with in a preview."""
    return {"name": "Ada", **_CONTEXTS[template]}
