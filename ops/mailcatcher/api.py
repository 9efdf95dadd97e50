"""The web side's JSON answers."""

from dataclasses import asdict
from typing import Any

from ops.mailcatcher.catcher import Catcher
from ops.mailcatcher.store import Summary

DEFAULT_LIMIT = 100


def find_mails(catcher: Catcher, query: dict[str, str]) -> list[dict[str, Any]]:
    """The newest mails that the query asks for; ValueError for a limit that is no number."""
    limit = int(query.get("limit", DEFAULT_LIMIT))
    if limit < 0:
        raise ValueError("limit must not be negative")
    mails = catcher.store.find(recipient=query.get("to", ""), subject=query.get("subject", ""), limit=limit)
    return [mail_document(catcher, mail) for mail in mails]


def mail_document(catcher: Catcher, mail: Summary) -> dict[str, Any]:
    """A mail with its parts."""
    content = catcher.store.content(mail.id)
    return {
        "id": mail.id,
        "received_at": mail.received_at,
        "from": mail.sender,
        "to": mail.recipients,
        "subject": mail.subject,
        "headers": content.headers,
        "text": content.text,
        "html": content.html,
    }


def find_attempts(catcher: Catcher, query: dict[str, str]) -> list[dict[str, Any]]:
    """Every attempt for the recipient, oldest first."""
    return [asdict(attempt) for attempt in catcher.attempts.find(query.get("to", ""))]


def health(catcher: Catcher) -> dict[str, Any]:
    """That the catcher is there, and what it holds."""
    return {"status": "pass", "mails": len(catcher.store), "faults": asdict(catcher.faults)}
