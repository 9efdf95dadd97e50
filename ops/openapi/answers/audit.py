"""The audit log as the API shows it."""

from marshmallow import fields

from ops.openapi.answers.shown import Shown, one_of, time, uuid
from services.users.audit import OUTCOMES, Audited


class AuditLine(Shown):
    """A security event: what, who, when, from where."""

    id = fields.String(metadata={"pattern": "^[0-9]+$"})
    at = time()
    event = one_of(*Audited)
    outcome = one_of(*OUTCOMES)
    user_id = uuid(allow_none=True)
    actor_id = uuid(allow_none=True)
    ip = fields.String(allow_none=True, metadata={"description": "Null once whose it was is deleted."})
    user_agent = fields.String(allow_none=True, metadata={"description": "Null as `ip` is."})
    request_id = fields.String()
    details = fields.Dict(metadata={"description": "What else belongs to that event: ids and words."})
