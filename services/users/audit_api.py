"""What can be asked of the audit log and told to it, and all that is kept of a user."""

from typing import Any

from common import clock
from common.identity import Allow
from common.rpc import rpc
from common.schemas import load
from services.users.audit import Audited
from services.users.schemas import (
    AuditQuery,
    OwnAuditQuery,
    own_origin,
    show_access_token,
    show_audited,
    show_user,
)
from services.users.session_api import SessionApi


class AuditApi(SessionApi):
    """Served by the user service, whose changes write most of the lines themselves."""

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="audit:read")
    def audit(self, query: dict[str, str]) -> dict[str, Any]:
        """A page of the audit log, newest first: ``{items, next_cursor, total}``; nothing is ever counted."""
        page: dict[str, Any] = self.store.audit.page(load(AuditQuery, query)).show(
            lambda it: show_audited(*it)
        )
        return page

    @rpc(allow=Allow.USER, idempotent=True)
    def own_audit(self, query: dict[str, str]) -> dict[str, Any]:
        """A page of the lines about or by the caller, without where others have acted from."""
        user_id = self.caller.user_id
        found = self.store.audit.page({**load(OwnAuditQuery, query), "user_id": user_id})
        page: dict[str, Any] = found.show(lambda it: show_audited(it[0], own_origin(it[1], user_id)))
        return page

    @rpc(allow=Allow.USER, idempotent=True)
    def export(self) -> dict[str, Any]:
        """What is kept of the caller here, but for the audit log, which now says that it was taken along."""
        user_id = self.caller.user_id
        user, factor = self.store.users.get(user_id), self.store.second_factors.of(user_id)
        self.store.audit.exported(user_id)
        return {
            "user": show_user(user, to_admin=True),
            "sessions": self.shown_sessions(user_id),
            "access_tokens": [show_access_token(one) for one in self.store.tokens.of(user_id)],
            "second_factor_since": clock.to_text(factor[0].confirmed_at) if factor else None,
        }

    @rpc(allow=Allow.SERVICE)
    def record_refusal(
        self, event: str, user_id: str | None = None, reason: str = "", guessed: str = ""
    ) -> None:
        """Note that somebody was refused, and about which account it was, if that is known.

        ``guessed`` is the address whose password was wrong; TooManyRequests if such have begun a wait.
        """
        self.store.audit.refused(Audited(event), user_id, guessed, reason=reason)
