"""All that is kept of a user, as the API shows it."""

from marshmallow import fields

from ops.openapi.answers.accounts import AccessToken, Session, User
from ops.openapi.answers.audit import AuditLine
from ops.openapi.answers.messages import Message
from ops.openapi.answers.shown import Shown, time
from ops.openapi.answers.todos import Todo


class Export(Shown):
    """All that is kept of a user."""

    exported_at = time()
    user = fields.Nested(User)
    sessions = fields.List(fields.Nested(Session))
    access_tokens = fields.List(fields.Nested(AccessToken))
    second_factor_since = time(null=True)
    todos = fields.List(fields.Nested(Todo))
    trash = fields.List(fields.Nested(Todo))
    messages = fields.List(fields.Nested(Message))
    audit = fields.List(fields.Nested(AuditLine))
