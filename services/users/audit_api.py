"""What can be asked of the audit log, and told to it."""

from typing import Any

from common.identity import Allow
from common.rpc import rpc
from common.schemas import load
from common.service import SuiteService
from services.users.audit import Audited
from services.users.schemas import AuditQuery, show_audited
from services.users.storage import UserStorage


class AuditApi(SuiteService):
    """Served by the user service, whose changes write most of the lines themselves."""

    store: Any = UserStorage()

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="audit:read")
    def audit(self, query: dict[str, str]) -> dict[str, Any]:
        """A page of the audit log, newest first: ``{items, next_cursor, total}``; nothing is ever counted."""
        page: dict[str, Any] = self.store.audit.page(load(AuditQuery, query)).show(
            lambda it: show_audited(*it)
        )
        return page

    @rpc(allow=Allow.SERVICE)
    def record_refusal(self, event: str, user_id: str | None = None, reason: str = "") -> None:
        """Note that somebody was refused, and about which account it was, if that is known."""
        self.store.audit.refused(Audited(event), user_id, reason=reason)
