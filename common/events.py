"""Every event of the suite, on one page: who announces it, what it carries, who listens.

An event is a fact in the past tense. On the wire it is one flat JSON object: the envelope
(``event_id``, ``occurred_at``, ``request_id``, ``version``) and the fields named here. It goes to the
topic exchange ``<source>.events`` with its name as routing key, and from there into one durable queue
for each service in ``SUBSCRIBERS``. Secrets that a mail has to carry (a link's token) are fields as
well: they travel, and are never logged.

A field that a later version of the suite added is ``optional``: a queue may still hold events of the
version before, and an event is dead-lettered for a missing ``fields`` only. Whoever listens reads an
optional field with a default.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common import clock, tracing
from common.ids import new_uuid
from common.mail_kinds import URGENT
from common.transport import codec

ENVELOPE = ("event_id", "occurred_at", "request_id", "version")
TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
"""Parts of the envelope of an event that belongs to a trace."""
_NOT_TEXT: dict[str, type] = {
    "version": int, "user_version": int, "new_device": bool, "changes": list, "todos": list, "count": int,
    "context": dict, "preferences": dict, "attempt": int, "final": bool, "session_ids": list,
    "kept_until": dict,
}  # fmt: skip
"""The fields that are no text, by name: a name means the same in every event."""
_MAY_BE_NULL = frozenset(("new_email",))


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event. ``version`` rises when a field is removed or changes its meaning.

    ``urgent`` names templates: an event that asks for one of them overtakes the others in its queues.
    """

    source: str
    name: str
    fields: tuple[str, ...]
    optional: tuple[str, ...] = ()
    version: int = 1
    urgent: tuple[str, ...] = ()

    def make(self, request_id: str, **fields: Any) -> dict[str, Any]:
        """The event's payload: a new id, the time, and no field that this page does not name."""
        # As a rule they come in the order in which the page has them.
        if tuple(fields) != self.fields and set(fields) - set(self.optional) != set(self.fields):
            raise TypeError(f"{self.name} takes {sorted(self.fields)}, not {sorted(fields)}")
        return {
            "event_id": new_uuid(),
            "occurred_at": clock.to_text(clock.now()),
            "request_id": request_id,
            "version": self.version,
            **tracing.here(),
            **fields,
        }

    def priority(self, payload: dict[str, Any]) -> int:
        """The message's priority: 5 if it is urgent, 0 if not.

        A classic queue with two priorities takes 5 for its higher one; so do RabbitMQ 4's quorum queues, for
        which less than 5 is the lower one.
        """
        return 5 * (payload.get("template") in self.urgent)

    def problem(self, body: Any) -> str | None:
        """What is wrong with a payload that came from outside; None if a handler can rely on it."""
        if not isinstance(body, dict):
            return "the event is no object"
        wrong = [name for name in ("event_id", "occurred_at", *self.fields) if not _is_right(name, body)]
        given = [name for name in self.optional if body.get(name) is not None]
        wrong += [name for name in given if not _is_right(name, body)]
        if wrong:
            return f"missing or of the wrong type: {', '.join(wrong)}"
        return None if codec.is_plain(body) else "it has text or a number that can't be stored"


def trace_of(payload: dict[str, Any]) -> dict[str, str]:
    """What names the trace to which an event, or a document that was made for one, belongs."""
    return {name: payload[name] for name in (TRACEPARENT, TRACESTATE) if payload.get(name)}


def belonging_to(payload: dict[str, Any], origin: dict[str, Any]) -> dict[str, Any]:
    """The event as one of the trace that ``origin`` belongs to, if it belongs to one."""
    trace = trace_of(origin)
    kept = {name: value for name, value in payload.items() if name not in (TRACEPARENT, TRACESTATE)}
    return kept | trace if trace else payload


def age(payload: dict[str, Any]) -> float:
    """Seconds since it happened; 0 if another program wrote the time in words of its own."""
    try:
        return max(0.0, (clock.now() - datetime.fromisoformat(payload["occurred_at"])).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def type_of(field: str) -> type:
    """What a field holds; its name tells, whichever event it is of."""
    return _NOT_TEXT.get(field, str)


def may_be_null(field: str) -> bool:
    """Whether a field may be there without a value."""
    return field in _MAY_BE_NULL


def _is_right(name: str, body: dict[str, Any]) -> bool:
    value, wanted = body.get(name), type_of(name)
    if value is None:
        return name in body and may_be_null(name)
    return isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))


_CONTACT = ("user_id", "email", "name", "user_version")
_WISHES = ("locale", "preferences")
_TODOS = ("user_id", "todos", "count")
"""Of each todo its ``id``, ``title``, ``status``, ``priority`` and ``due_at``. A ``todo_updated`` that tells
of several kinds of change has for each a ``change`` too: created, updated, completed or deleted."""

USER_REGISTERED = Event("users", "user_registered", (*_CONTACT, "verification_token"), _WISHES)
USER_LOGGED_IN = Event("users", "user_logged_in", ("user_id", "session_id", "ip", "user_agent", "new_device"))
USER_UPDATED = Event("users", "user_updated", (*_CONTACT, "changes"), _WISHES)
USER_DELETED = Event("users", "user_deleted", ("user_id",))
PASSWORD_RESET_REQUESTED = Event(
    "users", "password_reset_requested", ("user_id", "reset_token", "expires_in")
)
PASSWORD_CHANGED = Event("users", "password_changed", ("user_id", "ip"))
EMAIL_VERIFICATION_REQUESTED = Event(
    "users", "email_verification_requested", ("user_id", "verification_token", "new_email")
)
SESSION_REVOKED = Event("users", "session_revoked", ("user_id", "session_ids"), ("kept_until",))
ACCOUNT_ALERTED = Event("users", "account_alerted", ("user_id", "alert", "ip"), ("recipient",))

TODO_CREATED = Event("todos", "todo_created", _TODOS)
TODO_UPDATED = Event("todos", "todo_updated", (*_TODOS, "changes"))
TODO_COMPLETED = Event("todos", "todo_completed", (*_TODOS, "changes"))
TODO_DELETED = Event("todos", "todo_deleted", _TODOS)
TODO_DUE_SOON = Event("todos", "todo_due_soon", _TODOS)

NOTIFICATION_REQUESTED = Event(
    "messaging",
    "notification_requested",
    ("message_id", "template", "recipient", "context"),
    ("user_id", "locale"),
    urgent=URGENT,
)
NOTIFICATION_SENT = Event("notifications", "notification_sent", ("message_id", "attempt"), ("template",))
NOTIFICATION_FAILED = Event(
    "notifications", "notification_failed", ("message_id", "attempt", "reason", "detail", "final")
)
NOTIFICATION_CANCELLED = Event("notifications", "notification_cancelled", ("message_id",))

ALL = (
    USER_REGISTERED, USER_LOGGED_IN, USER_UPDATED, USER_DELETED, PASSWORD_RESET_REQUESTED, PASSWORD_CHANGED,
    EMAIL_VERIFICATION_REQUESTED, SESSION_REVOKED, ACCOUNT_ALERTED, TODO_CREATED, TODO_UPDATED,
    TODO_COMPLETED, TODO_DELETED, TODO_DUE_SOON, NOTIFICATION_REQUESTED, NOTIFICATION_SENT,
    NOTIFICATION_FAILED, NOTIFICATION_CANCELLED,
)  # fmt: skip

SUBSCRIBERS: dict[str, tuple[Event, ...]] = {
    "todos": (USER_DELETED,),
    "messaging": (
        USER_REGISTERED, USER_LOGGED_IN, USER_UPDATED, USER_DELETED, PASSWORD_RESET_REQUESTED,
        PASSWORD_CHANGED, EMAIL_VERIFICATION_REQUESTED, ACCOUNT_ALERTED, TODO_CREATED, TODO_UPDATED,
        TODO_COMPLETED, TODO_DELETED, TODO_DUE_SOON, NOTIFICATION_SENT, NOTIFICATION_FAILED,
        NOTIFICATION_CANCELLED,
    ),
    "notifications": (NOTIFICATION_REQUESTED,),
}  # fmt: skip


_BY_NAME = {(event.source, event.name): event for event in ALL}
_HEARD = frozenset((event.source, event.name) for heard in SUBSCRIBERS.values() for event in heard)


def find(source: str, name: str) -> Event | None:
    """The event of that name; None for one that this page does not know (stored by a newer version)."""
    return _BY_NAME.get((source, name))


def has_subscriber(source: str, name: str) -> bool:
    """Whether some service listens to the event of that name, so that some queue has to take it.

    An event that this page does not know (stored by a newer version) has none.
    """
    return (source, name) in _HEARD
