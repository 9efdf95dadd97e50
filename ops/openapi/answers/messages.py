"""Messages, dead letters and queues as the API shows them."""

from marshmallow import fields

from common.mail_kinds import KINDS
from ops.openapi.answers.shown import Shown, one_of, time, uuid
from services.messaging.domain import STATUSES as MESSAGE_STATUSES


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


class QueueRates(Shown):
    """Messages a second."""

    publish = fields.Float(metadata={"minimum": 0})
    deliver = fields.Float(metadata={"minimum": 0})
    ack = fields.Float(metadata={"minimum": 0})


class Queue(Shown):
    """A queue of the broker; its rates are null where the broker does not tell them."""

    name = fields.String()
    messages = fields.Integer(metadata={"minimum": 0})
    consumers = fields.Integer(metadata={"minimum": 0})
    rates = fields.Nested(QueueRates, allow_none=True)


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


class ManyReplayed(Replayed):
    """How many are on their way again, and how many stay in the list."""

    optional = ("not_replayed",)

    not_replayed = fields.Integer(
        metadata={"minimum": 1, "description": "Those that no queue takes or that were cut; absent if none."},
    )


class Preview(Shown):
    """A mail with sample data."""

    subject = fields.String()
    text = fields.String()
    html = fields.String()
