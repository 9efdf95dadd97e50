"""The messaging service: it keeps what happened."""

from datetime import UTC, datetime
from typing import Any

from nameko.events import event_handler

from bench.stock.mongo import MongoDatabase


class MessagingService:
    """Hears of new todos and of logins."""

    name = "messaging"
    db = MongoDatabase("messages", [("created_at", -1)])

    @event_handler("todos", "todo_created")
    def handle_todo_created(self, event: dict[str, Any]) -> None:
        """Keep a message about a new todo."""
        self._keep("todo_created", event)

    @event_handler("users", "user_logged_in")
    def handle_user_logged_in(self, event: dict[str, Any]) -> None:
        """Keep a message about a login."""
        self._keep("welcome_back", event)

    def _keep(self, template: str, event: dict[str, Any]) -> None:
        message = {
            "template": template,
            "context": event,
            "status": "queued",
            "created_at": datetime.now(UTC),
        }
        self.db.messages.insert_one(message)
