"""What the API answers with, as shapes. The services build their answers as plain dictionaries; the
tests hold each shape against the very functions that do it (see ``examples.py``)."""

from typing import Any

from marshmallow import Schema, fields, validate

from common.mail_kinds import KINDS, PREFERENCES
from services.messaging.domain import STATUSES as MESSAGE_STATUSES
from services.todos.domain import PRIORITIES, STATUSES
from services.users.domain import ROLES

TODO_ID = "^[0-9a-f]{24}$"
HEALTH = ("pass", "warn", "fail")


class Shown(Schema):
    """A shape in which every field is always there, but for those in ``optional``."""

    optional: tuple[str, ...] = ()

    def on_bind_field(self, field_name: str, field_obj: fields.Field) -> None:
        """Require what is not optional."""
        field_obj.required = field_name not in self.optional


def time(*, null: bool = False, note: str = "") -> fields.String:
    """A time in UTC, in milliseconds."""
    told = {"description": note} if note else {}
    return fields.String(allow_none=null, metadata={"format": "date-time", **told})


def uuid(**options: Any) -> fields.String:
    """An id."""
    return fields.String(metadata={"format": "uuid"}, **options)


def one_of(*words: str) -> fields.String:
    """One of some words."""
    return fields.String(validate=validate.OneOf(words))


class Problem(Shown):
    """A problem document (RFC 9457)."""

    optional = ("errors",)
    type = fields.String(metadata={"description": "Always `about:blank`: `code` says what it is."})
    title = fields.String()
    status = fields.Integer(metadata={"minimum": 400, "maximum": 599})
    detail = fields.String(metadata={"description": "A sentence for people."})
    instance = fields.String(metadata={"description": "The path that was asked for."})
    code = fields.String(metadata={"description": "A stable word for programs.", "pattern": "^[a-z_]+$"})
    request_id = fields.String(metadata={"description": "As in the header `X-Request-ID` and in the logs."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "Of status 422 only: what is wrong, by field."},
    )


class Account(Shown):
    """A user in short."""

    id = uuid()
    email = fields.String()
    name = fields.String()
    role = one_of(*ROLES)
    email_verified = fields.Boolean()
    created_at = time()


MailPreferences = Shown.from_dict({name: fields.Boolean() for name in PREFERENCES}, name="MailPreferences")
"""Which mails a user wants, of those that can be switched off."""


class User(Account):
    """A user; ``disabled`` and ``updated_at`` are shown to administrators only."""

    optional = ("disabled", "updated_at")
    locale = fields.String()
    preferences = fields.Nested(MailPreferences)
    disabled = fields.Boolean()
    updated_at = time()


class Registered(Shown):
    """The answer to a registration."""

    user = fields.Nested(Account)


class TokenPair(Shown):
    """The answer to a login and to a refresh."""

    access_token = fields.String(metadata={"description": "For the header `Authorization: Bearer ...`."})
    token_type = one_of("Bearer")
    expires_in = fields.Integer(metadata={"description": "Seconds.", "minimum": 1})
    refresh_token = fields.String(metadata={"description": "Good for one new pair."})
    user = fields.Nested(Account)


class Verified(Shown):
    """Whose token it is, and until when it holds."""

    valid = fields.Boolean()
    user = fields.Nested(User)
    expires_at = time()


class Session(Shown):
    """A login on one device."""

    id = uuid()
    created_at = time()
    last_used_at = time()
    expires_at = time()
    ip = fields.String()
    user_agent = fields.String()
    current = fields.Boolean(metadata={"description": "Whether it is the one that asks."})


class Todo(Shown):
    """A todo; ``deleted_at`` is there while it is in the trash."""

    optional = ("deleted_at",)
    id = fields.String(metadata={"pattern": TODO_ID})
    title = fields.String(metadata={"minLength": 1, "maxLength": 200})
    description = fields.String(allow_none=True, metadata={"maxLength": 10_000})
    status = one_of(*STATUSES)
    completed = fields.Boolean(metadata={"description": "Whether the status is `completed`."})
    priority = one_of(*PRIORITIES)
    due_at = time(null=True)
    tags = fields.List(fields.String(metadata={"minLength": 1, "maxLength": 50}), metadata={"maxItems": 20})
    order = fields.Integer()
    user_id = uuid()
    url = fields.String(metadata={"format": "uri"})
    created_at = time()
    updated_at = time()
    completed_at = time(null=True)
    deleted_at = time()
    version = fields.Integer(metadata={"minimum": 1, "description": "Quoted, it is the entity tag."})


ByStatus = Shown.from_dict(
    {name: fields.Integer(metadata={"minimum": 0}) for name in STATUSES}, name="ByStatus"
)
"""How many todos have each status."""


class TodoStats(Shown):
    """Todos in numbers; days are days in UTC."""

    total = fields.Integer(metadata={"minimum": 0})
    by_status = fields.Nested(ByStatus)
    overdue = fields.Integer(metadata={"minimum": 0, "description": "Not completed, and past their time."})
    due_today = fields.Integer(metadata={"minimum": 0})


class OperationError(Shown):
    """Why an operation was refused."""

    optional = ("errors",)
    code = fields.String()
    message = fields.String()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class OperationResult(Shown):
    """What became of one operation: as the single call would have answered."""

    optional = ("todo", "error")
    op = fields.String(allow_none=True)
    status = fields.Integer(validate=validate.OneOf([200, 201, 204, 404, 412, 422]))
    todo = fields.Nested(Todo)
    error = fields.Nested(OperationError)


class BulkResult(Shown):
    """A result for each operation, at the same place."""

    results = fields.List(fields.Nested(OperationResult))


class Accepted(Shown):
    """A message that was accepted."""

    id = uuid()
    status = one_of(*MESSAGE_STATUSES)


class Attempt(Shown):
    """One attempt to deliver a message."""

    optional = ("reason", "detail")
    attempt = fields.Integer(metadata={"minimum": 1})
    at = time()
    outcome = one_of("sent", "failed")
    reason = fields.String(metadata={"description": "A stable word."})
    detail = fields.String(metadata={"description": "What the mail server said."})


class Message(Shown):
    """A message of the ledger."""

    id = uuid()
    status = one_of(*MESSAGE_STATUSES)
    template = one_of(*KINDS)
    recipient = fields.String()
    context = fields.Dict(metadata={"description": "What the template is filled with; secrets are masked."})
    user_id = uuid(allow_none=True)
    deliver_at = time(null=True, note="When it was asked to be sent; null is at once.")
    held_until = time(null=True, note="Until when it waits, if its recipient has had as many as may be.")
    gathered_into = uuid(allow_none=True)
    attempts = fields.List(fields.Nested(Attempt))
    created_at = time()
    updated_at = time()


class Queue(Shown):
    """A queue of the broker."""

    name = fields.String()
    messages = fields.Integer(metadata={"minimum": 0})
    consumers = fields.Integer(metadata={"minimum": 0})


class DeadLetter(Shown):
    """What could not be delivered, and why."""

    id = uuid()
    reason = fields.String()
    detail = fields.String()
    attempts = fields.Integer(metadata={"minimum": 0})
    first_failed_at = fields.String(allow_none=True)
    died_at = time()
    queue = fields.String(metadata={"description": "The queue that it failed in, and is replayed to."})
    message_id = fields.String(allow_none=True)
    template = fields.String(allow_none=True)
    recipient = fields.String(allow_none=True)


class WholeDeadLetter(DeadLetter):
    """A dead letter with its payload; secrets are masked."""

    bytes = fields.Integer(metadata={"minimum": 0})
    payload = fields.Raw(allow_none=True, metadata={"description": "As JSON, or as text where it is none."})


class Replayed(Shown):
    """How many are on their way again."""

    replayed = fields.Integer(metadata={"minimum": 0})


class Preview(Shown):
    """A mail with sample data."""

    subject = fields.String()
    text = fields.String()
    html = fields.String()


class Index(Shown):
    """Where to go from here."""

    name = fields.String()
    version = fields.String()
    links = fields.Dict(keys=fields.String(), values=fields.String(metadata={"format": "uri"}))


class Dependency(Shown):
    """How something is that a service needs."""

    optional = ("detail",)
    status = one_of(*HEALTH)
    latency_ms = fields.Float(metadata={"minimum": 0})
    detail = fields.String()


class ServiceHealth(Shown):
    """How a service is, and how many instances of it there are (null where the broker does not say)."""

    optional = ("detail",)
    status = one_of(*HEALTH)
    latency_ms = fields.Float(metadata={"minimum": 0})
    instances = fields.Integer(allow_none=True, metadata={"minimum": 0})
    dependencies = fields.Dict(keys=fields.String(), values=fields.Nested(Dependency))
    detail = fields.String()


class Health(Shown):
    """How the whole suite is: as bad as the worst of its services."""

    status = one_of(*HEALTH)
    version = fields.String()
    checked_at = time()
    services = fields.Dict(keys=fields.String(), values=fields.Nested(ServiceHealth))


class Status(Shown):
    """One word."""

    status = one_of(*HEALTH)
