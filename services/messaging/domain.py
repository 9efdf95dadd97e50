"""The rules of messaging: which fact is told to whom by which mail, and what a message's status means."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common import events
from common.errors import Conflict, NotFound
from common.events import Event
from common.locales import DEFAULT_LOCALE
from common.mail_kinds import PREFERENCE_FOR
from services.messaging import alerts

QUEUED, RETRYING, SENT, DEAD, CANCELLED = "queued", "retrying", "sent", "dead", "cancelled"
STATUSES = (QUEUED, RETRYING, SENT, DEAD, CANCELLED)
CLOSED = (SENT, CANCELLED)
"""Nothing becomes of a message any more."""
LATEST_DAYS = 366
"""How far ahead a mail may be ordered."""
_NAMESPACE = uuid.UUID("6f1a4f0e-4b9c-4d7e-9a55-5a3c1f0f7a11")
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a user's mails go, and which are wanted. None is what an older version has not told."""

    user_id: str
    email: str
    name: str
    user_version: int
    locale: str | None = None
    preferences: dict[str, bool] | None = None

    def wants(self, template: str, new_device: bool = False) -> bool:
        """Whether the user has not switched this mail off; what is no chatter can't be.

        Of a login from a new device its owner hears in any case.
        """
        preference = None if new_device else PREFERENCE_FOR.get(template)
        return preference is None or (self.preferences or {}).get(preference, True)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to be asked for: a template's name, an address, and what the template is filled with."""

    message_id: str
    template: str
    recipient: str
    context: Payload
    user_id: str | None = None
    locale: str = DEFAULT_LOCALE
    deliver_at: datetime | None = None
    trace: Payload = field(default_factory=dict)


def message_id(origin: str) -> str:
    """The id of the message that an event (or an administrator's key) asks for: the same every time.

    A name-based UUID (version 5, RFC 9562), so that an event seen twice makes one message.
    """
    return str(uuid.uuid5(_NAMESPACE, origin))


def _welcome(event: Payload) -> Payload:
    return {"email": event["email"], "verification_token": event["verification_token"]}


def _welcome_back(event: Payload) -> Payload:
    return {"logged_in_at": event["occurred_at"], **_only(event, "ip", "user_agent", "new_device")}


def _todos(event: Payload) -> Payload:
    return _only(event, "todos", "count")


def _todo_changes(event: Payload) -> Payload:
    return {**_only(event, "todos", "count", "changes"), "completed": False}


def _completion(event: Payload) -> Payload:
    return {**_todo_changes(event), "completed": True}


def _reset(event: Payload) -> Payload:
    return _only(event, "reset_token", "expires_in")


def _changed(event: Payload) -> Payload:
    return {"changed_at": event["occurred_at"], "ip": event["ip"]}


def _verification(event: Payload) -> Payload:
    return _only(event, "verification_token", "new_email")


def _alert(event: Payload) -> Payload:
    return {}  # its words are in the reader's language: see `mail_for`


MAIL_FOR: dict[Event, tuple[str, Callable[[Payload], Payload]]] = {
    events.USER_REGISTERED: ("welcome", _welcome),
    events.USER_LOGGED_IN: ("welcome_back", _welcome_back),
    events.PASSWORD_RESET_REQUESTED: ("password_reset", _reset),
    events.PASSWORD_CHANGED: ("password_changed", _changed),
    events.EMAIL_VERIFICATION_REQUESTED: ("email_verification", _verification),
    events.ACCOUNT_ALERTED: ("system_alert", _alert),
    events.TODO_CREATED: ("todo_created", _todos),
    events.TODO_UPDATED: ("todo_updated", _todo_changes),
    events.TODO_COMPLETED: ("todo_updated", _completion),
    events.TODO_DELETED: ("todo_deleted", _todos),
    events.TODO_DUE_SOON: ("todo_reminder", _todos),
}
"""Which mail tells of an event, and what of the event it says."""


def mail_for(kind: Event, event: Payload, contact: Contact) -> Mail:
    """The one mail that an event asks for."""
    template, pick = MAIL_FOR[kind]
    recipient = event.get("new_email") or event.get("recipient") or contact.email
    locale = contact.locale or DEFAULT_LOCALE
    content = {"name": contact.name, **pick(event)}
    if kind is events.ACCOUNT_ALERTED:
        content |= alerts.words(event, locale)
    identifier = message_id(f"{event['event_id']}:{template}")
    trace = events.trace_of(event)
    return Mail(identifier, template, recipient, content, contact.user_id, locale, trace=trace)


def contact_of(told: Payload) -> Contact:
    """What a user's own event, or the user service, tells about where their mails go."""
    known = _only(told, "user_id", "email", "name", "user_version")
    return Contact(**known, locale=told.get("locale"), preferences=told.get("preferences"))


def refuse_to_cancel(message: Payload) -> None:
    """Conflict if it is known to be too late for this message."""
    if message["status"] == SENT:
        raise Conflict("message_sent", "This message has been sent.")
    if message["status"] == DEAD:
        raise Conflict("message_dead", "This message is dead: it is not going to be sent.")
    if message.get("gathered_into"):
        raise Conflict("message_gathered", "This message is part of a digest that is being sent.")


def no_such_message() -> NotFound:
    """The answer for a message that is not in the ledger."""
    return NotFound("message_not_found", "There is no such message.")


def _only(event: Payload, *names: str) -> Payload:
    return {name: event[name] for name in names}
