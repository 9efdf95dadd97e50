"""The mails: a template and its variables in, a message to send out.

Each kind is a folder under `templates/` with `subject.txt`, `body.txt` and
`body.html`; its translation lies in `templates/<language>/<kind>/`.
What can't be rendered now can't be later either: every failure is permanent.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from common.failures import PermanentFailure
from common.locales import DEFAULT_LOCALE
from common.mail_kinds import DIGEST
from services.notifications import mime
from services.notifications.filters import mail_kind
from services.notifications.list_headers import UNFOLDED
from services.notifications.mailboxes import letterhead, needs_smtputf8, recipient_address
from services.notifications.rendering import render_parts, render_subject, words_for
from services.notifications.smtp_session import Envelope
from services.notifications.values import cut, one_line, read

# template: (required variables, optional variables). `todos` is a list of
# {title, status, priority, due_at, id, change}, `changes` a list of field names,
# `mails` a list of {template, at, context}, each of which gives the digest a line,
# `new_device` and `completed` are true or false, `count` counts all todos that
# the mail is about, where `todos` shows only some of them. The rest is text.
VARIABLES: dict[str, tuple[str, str]] = {
    "welcome": ("name email", "verification_token"),
    "welcome_back": ("name logged_in_at", "ip user_agent new_device"),
    "todo_created": ("name todos", "count"),
    "todo_updated": ("name todos", "count completed changes"),
    "todo_deleted": ("name todos", "count"),
    "todo_reminder": ("name todos", "count"),
    "password_reset": ("name reset_token expires_in", ""),
    "password_changed": ("name changed_at", "ip"),
    "email_verification": ("name verification_token", "new_email"),
    "system_alert": ("title message", "name"),
    DIGEST: ("mails", "name"),
}
REQUIRED: dict[str, frozenset[str]] = {
    kind: frozenset(needs.split()) for kind, (needs, _) in VARIABLES.items()
}
OPTIONAL: dict[str, frozenset[str]] = {kind: frozenset(may.split()) for kind, (_, may) in VARIABLES.items()}
TEMPLATES: frozenset[str] = frozenset(VARIABLES)

_OWN = frozenset((
    "From", "To", "Subject", "Date", "Message-ID", "X-Message-Id", "Auto-Submitted",
    "X-Auto-Response-Suppress",
))  # fmt: skip
_OWN_NAMES = frozenset((*map(str.lower, _OWN), "mime-version", "content-type", "content-transfer-encoding"))
_FROM_A_MACHINE = b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True)
class RenderedEmail:
    """A mail's three parts, ready to be put into a message."""

    subject: str
    text: str
    html: str


class UnknownTemplate(PermanentFailure):
    """There is no mail of that name."""

    def __init__(self, name: str) -> None:
        super().__init__("unknown_template", f"there is no template {cut(one_line(name), 60)!r}")


class MissingVariable(PermanentFailure):
    """A mail can't be written without this variable."""

    def __init__(self, name: str) -> None:
        super().__init__("missing_variable", f"the variable {name!r} is missing")


def render(
    template: str,
    context: Mapping[str, object],
    *,
    public_url: str,
    locale: object = DEFAULT_LOCALE,
    unsubscribe_url: str | None = None,
) -> RenderedEmail:
    """Render a mail, with a link to unsubscribe if there is one; raises nothing but `PermanentFailure`."""
    if not isinstance(template, str) or template not in TEMPLATES:
        raise UnknownTemplate(str(template))
    if not isinstance(context, Mapping):
        raise PermanentFailure("invalid_context", "the context must be an object")
    values = _values(template, context)
    if isinstance(mails := values.get("mails"), list):
        values["mails"] = [_line_of(mail, locale) for mail in mails]
    links = {**_links(public_url, values), "unsubscribe_url": unsubscribe_url}
    return RenderedEmail(*render_parts(template, values | links, locale))


def build_message(
    rendered: RenderedEmail,
    *,
    message_id: str,
    sender: str,
    recipient: str,
    headers: Mapping[str, str] | None = None,
) -> Envelope:
    """Make the mail for one recipient; the same `message_id` always gives the same Message-ID."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise PermanentFailure("invalid_message_id", "a message id has letters, digits, dots and dashes only")
    from_, to = letterhead(sender), recipient_address(recipient)
    lines = [
        *(_header(name, value) for name, value in (headers or {}).items() if name not in _OWN),
        from_.header,
        mime.whole("To", to.addr_spec),
        mime.words("Subject", one_line(rendered.subject)),
        _date(int(time.time())),
        mime.whole("Message-ID", f"<{message_id}@{from_.address.domain}>"),
        mime.whole("X-Message-Id", message_id),
        _FROM_A_MACHINE,
    ]
    payload = mime.message(lines, rendered.text, rendered.html)
    utf8 = needs_smtputf8(from_.address, to)
    return Envelope(from_.address.addr_spec, to.addr_spec, payload, utf8)


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    """The header with the time; many mails of a second carry the same."""
    return mime.whole("Date", format_datetime(datetime.fromtimestamp(second, UTC)))


def _header(name: str, value: str) -> bytes:
    try:
        if name.lower() in _OWN_NAMES:
            raise mime.BadHeader("it may stand only once")
        return mime.whole(name, value) if name in UNFOLDED else mime.words(name, value)
    except mime.BadHeader as error:
        raise PermanentFailure("invalid_header", f"the header {one_line(name)!r} is not valid") from error


def _values(template: str, context: Mapping[str, object]) -> dict[str, object]:
    """Only declared variables reach a template: others can't shadow what mails say or link to."""
    values = _declared(template, context)
    for name in sorted(REQUIRED[template]):
        if values[name] is None:
            raise MissingVariable(name)
    return values


def _declared(template: str, context: Mapping[str, object]) -> dict[str, object]:
    values = {name: read(context, name) for name in REQUIRED[template] | OPTIONAL[template]}
    todos = values.get("todos")
    if isinstance(todos, list):
        count = values["count"]
        values["count"] = max(count, len(todos)) if isinstance(count, int) else len(todos)
    return values


def _line_of(mail: Mapping[str, object], locale: object) -> dict[str, object]:
    """A mail in a digest: its subject, and when it was asked for. One that has no subject keeps its kind."""
    kind, context = str(mail["template"]), mail["context"]
    title = ""
    if kind in TEMPLATES and isinstance(context, Mapping):
        try:
            title = _title(kind, context, locale)
        except PermanentFailure:
            pass  # it would have been no mail either, and must not cost the others theirs
    return {"title": title or mail_kind(kind, words_for(locale)), "at": mail["at"]}


def _title(kind: str, context: Mapping[str, object], locale: object) -> str:
    values = _declared(kind, context)
    if "todos" in REQUIRED[kind] and not values["todos"]:
        raise MissingVariable("todos")
    return render_subject(kind, values, locale)


def _links(public_url: str, values: Mapping[str, object]) -> dict[str, object]:
    base = public_url.rstrip("/")
    return {
        "app_url": f"{base}/",
        "verify_url": _secret_link(f"{base}/verify-email", values.get("verification_token")),
        "reset_url": _secret_link(f"{base}/reset-password", values.get("reset_token")),
    }


def _secret_link(url: str, token: object) -> str | None:
    return f"{url}?token={quote(token, safe='')}" if isinstance(token, str) else None
