"""Examples for the document, made by the functions that make the answers: they can't drift from these."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from common import VERSION
from services.messaging.schemas import show_dead_letter, show_message, show_whole_dead_letter
from services.todos import bulk, domain
from services.todos.bulk import Outcome
from services.todos.domain import Todo
from services.todos.schemas import to_wire
from services.users.models import AccessToken, AuditLine, AuditOrigin, SessionRow, User
from services.users.schemas import show_access_token, show_account, show_audited, show_session, show_user

Made = dict[str, Any]
NOW = datetime(2026, 11, 22, 14, 31, 45, 101_000, UTC)
BASE = "http://localhost:3000"
USER_ID = uuid.UUID("3e3f297e-f694-49f8-9e4e-70daf04487c7")
SESSION_ID = uuid.UUID("9b2ad5a4-52f4-4d0e-8a52-35e9c1ab7ae9")
MESSAGE_ID = "52fbf4b8-8f3c-5c2a-9e1d-7d1f0a6a3b11"
TODO_ID = "6b02fcd1a1bcd8d6478e2d41"

NEW_TODO: Made = {"title": "Buy milk", "tags": ["shop"], "due_at": "2030-01-31T12:00:00Z"}
REGISTRATION: Made = {"email": "ada@example.org", "password": "correct horse battery", "name": "Ada"}
LOGIN: Made = {"email": "ada@example.org", "password": "correct horse battery"}
REFRESH_TOKEN = "Rk9YbL0hU3b5yq8p6VQw2mTz1nJcXe4gSd7aKfHiPo0"
PASSWORD_RESET: Made = {"token": REFRESH_TOKEN, "password": "staple battery horse"}
PASSWORD_CHANGE: Made = {"current_password": LOGIN["password"], "new_password": "staple battery horse"}
NEW_MESSAGE: Made = {
    "template": "system_alert",
    "recipient": "ada@example.org",
    "context": {"title": "Maintenance tonight", "message": "From ten to eleven."},
    "idempotency_key": "maintenance-2026-11-22",
}
BULK: Made = {
    "ops": [
        {"op": "create", "title": "Buy milk"},
        {"op": "complete", "id": TODO_ID, "if_version": 1},
        {"op": "delete", "id": "6b02fcd1a1bcd8d6478e2d42"},
    ]
}


def url(path: str) -> str:
    """A link in an answer."""
    return BASE + path


def _todo(**changes: Any) -> Todo:
    values: Made = {
        "id": TODO_ID, "user_id": str(USER_ID), **domain.defaults(), "title": "Buy milk", "tags": ["shop"],
        "due_at": datetime(2030, 1, 31, 12, tzinfo=UTC), "created_at": NOW, "updated_at": NOW,
        "completed_at": None, "deleted_at": None, "version": 1, **changes,
    }  # fmt: skip
    return Todo(**values)


def _user() -> User:
    return User(
        id=USER_ID, email="ada@example.org", name="Ada", role="user", disabled=False, email_verified=False,
        locale="en", todo_mails=True, login_mails=True, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def _session() -> SessionRow:
    return SessionRow(
        id=SESSION_ID, created_at=NOW, last_used_at=NOW, expires_at=NOW + timedelta(days=30),
        ip="203.0.113.7", user_agent="Mozilla/5.0",
    )  # fmt: skip


def _access_token() -> AccessToken:
    return AccessToken(
        id=uuid.UUID("5f2c0f4e-90a1-4a53-9a4b-0f4b9e8a2c11"), name="Backup script", scopes=["todos:read"],
        created_at=NOW, expires_at=NOW + timedelta(days=30), last_used_at=None,
    )  # fmt: skip


def _audited() -> tuple[AuditLine, AuditOrigin]:
    line = AuditLine(
        id=4711, at=NOW, event="login", outcome="succeeded", user_id=USER_ID, actor_id=USER_ID,
        request_id="0b54c8e0a7f34d3f9e3f6f5b6e3d2c1a", details={"session_id": str(SESSION_ID)},
    )  # fmt: skip
    return line, AuditOrigin(ip="203.0.113.7", user_agent="Mozilla/5.0")


def _message() -> Made:
    asked = {name: NEW_MESSAGE[name] for name in ("template", "recipient", "context")}
    attempt = {"event_id": "e", "attempt": 1, "at": "2026-11-22T14:31:45.733Z", "outcome": "sent"}
    return {
        "_id": MESSAGE_ID, "status": "sent", **asked, "user_id": None, "attempts": [attempt],
        "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip


def _letter() -> Made:
    body = b'{"message_id": "%s", "template": "system_alert"}' % MESSAGE_ID.encode()
    return {
        "_id": "0f5a3c1e-4a0b-5b77-8b44-6d1f5f0f2f10", "reason": "mailbox_unknown", "attempts": 1,
        "detail": "550 5.1.1 no such mailbox", "first_failed_at": "2026-11-22T14:31:45.733Z", "died_at": NOW,
        "queue": "evt-messaging-notification_requested--notifications.handle_notification_requested",
        "message_id": MESSAGE_ID, "template": "system_alert", "recipient": "ada@example.org",
        "bytes": len(body), "body": body,
    }  # fmt: skip


TODO = to_wire(_todo(), url)
DELETED_TODO = to_wire(_todo(deleted_at=NOW + timedelta(hours=1), version=2), url)
ACCOUNT = show_account(_user())
USER = show_user(_user())
USER_FOR_ADMIN = show_user(_user(), to_admin=True)
SESSION = show_session(_session(), _session().expires_at, str(SESSION_ID))
ACCESS_TOKEN = show_access_token(_access_token())
AUDIT_LINE = show_audited(*_audited())
MESSAGE = show_message(_message())
DEAD_LETTER = show_dead_letter(_letter())
WHOLE_DEAD_LETTER = show_whole_dead_letter(_letter())
BULK_RESULT: Made = {
    "results": [
        bulk.to_wire(Outcome("create", 201, _todo(id="6b02fcd1a1bcd8d6478e2d43")), url),
        bulk.to_wire(Outcome("complete", 200, _todo(status="completed", completed_at=NOW, version=2)), url),
        bulk.to_wire(Outcome("delete", 404, error=domain.not_found()), url),
    ]
}
TOKEN_PAIR: Made = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIzZTNmMjk3ZSJ9.c2lnbmF0dXJl",
    "token_type": "Bearer", "expires_in": 86400, "refresh_token": REFRESH_TOKEN, "user": ACCOUNT,
}  # fmt: skip
RECOVERY_CODE = "J4XQPA-2M7RTB-K5ZVNC-6WDHLE"
SECOND_FACTOR: Made = {
    "enabled": True, "confirmed_at": "2026-11-22T14:31:45.101Z", "recovery_codes_left": 10,
}  # fmt: skip
ENROLMENT: Made = {
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/Todo%20suite:ada%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    "&issuer=Todo%20suite",
    "qr_svg": '<svg xmlns="http://www.w3.org/2000/svg" width="164" height="164">...</svg>',
}
NEW_TOKEN: Made = {**ACCESS_TOKEN, "token": TOKEN_PAIR["access_token"]}
EXPORT: Made = {
    "exported_at": "2026-11-22T14:31:45.101Z", "user": USER_FOR_ADMIN, "sessions": [SESSION],
    "access_tokens": [ACCESS_TOKEN], "second_factor_since": None, "todos": [TODO], "trash": [DELETED_TODO],
    "messages": [MESSAGE], "audit": [AUDIT_LINE],
}  # fmt: skip
KEYS: Made = {
    "keys": [
        {
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "kty": "OKP", "crv": "Ed25519",
            "use": "sig", "alg": "EdDSA", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        }
    ]
}  # fmt: skip
STATS: Made = {
    "total": 3, "by_status": {"pending": 2, "in_progress": 0, "completed": 1}, "overdue": 1, "due_today": 0,
}  # fmt: skip
QUEUES: list[Made] = [
    {
        "name": "rpc-users", "messages": 0, "consumers": 1,
        "rates": {"publish": 1.4, "deliver": 1.4, "ack": 1.4},
    }
]  # fmt: skip
PREVIEW: Made = {"subject": "Welcome, Ada", "text": "Hello Ada,\n...", "html": "<!doctype html>..."}
INDEX: Made = {"name": "todo-suite", "version": VERSION, "links": {"todos": url("/api/todos")}}
INSTANCES: list[Made] = [
    {
        "service": "todos", "instance": "host-a:4711", "host": "host-a", "pid": 4711, "version": VERSION,
        "status": "pass", "started_at": "2026-11-22T14:30:02.517Z",
        "last_seen_at": "2026-11-22T14:31:44.020Z", "http_port": 3002, "breakers": {},
    }
]  # fmt: skip
HEALTH: Made = {
    "status": "pass", "version": VERSION, "checked_at": "2026-11-22T14:31:45.101Z",
    "services": {
        "todos": {
            "status": "pass", "latency_ms": 4.2, "instances": 1,
            "dependencies": {"mongodb": {"status": "pass", "latency_ms": 1.3}},
        }
    },
}  # fmt: skip
