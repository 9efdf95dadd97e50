"""``/api/audit``."""

from ops.openapi import examples
from ops.openapi.answers.audit import AuditLine
from ops.openapi.operation import Answer, Operation
from services.users.schemas import AuditQuery

OPERATIONS: dict[str, Operation] = {
    "list_audit": Operation(
        "audit",
        {200: Answer("Newest first.", AuditLine, [examples.AUDIT_LINE], many=True, headers=("Link",))},
        query=AuditQuery,
        note="`user_id` is whose account it was about, `actor_id` who has done it; both are null for a login"
        " with an unknown address. Lines stay when a user is deleted, without address and program.",
    ),
}
