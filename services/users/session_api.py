"""Sessions, as their owner sees and ends them, and as an administrator does."""

from typing import Any

from common.identity import Allow
from common.rpc import Repeated, rpc
from common.service import SuiteService
from services.users import domain
from services.users.schemas import show_session
from services.users.storage import UserStorage

Sessions = list[dict[str, Any]]


class SessionApi(SuiteService):
    """Served by the user service; auth opens and refreshes them."""

    store: Any = UserStorage()
    is_repeated: Any = Repeated()

    @rpc(allow=Allow.USER, idempotent=True)
    def sessions(self) -> Sessions:
        """The caller's sessions, the last used first."""
        return self.shown_sessions(self.caller.user_id)

    @rpc(allow=Allow.ADMIN, idempotent=True)
    def sessions_of(self, user_id: str) -> Sessions:
        """Another user's sessions, for an administrator."""
        self.store.users.get(user_id)
        return self.shown_sessions(user_id)

    @rpc(allow=Allow.ADMIN, idempotent=True)
    def end_session_of(self, user_id: str, session_id: str) -> None:
        """End one of another user's sessions."""
        if not self.store.sessions.end(user_id, session_id) and not self.is_repeated:
            raise domain.no_such_session()

    @rpc(allow=Allow.ADMIN, idempotent=True)
    def end_sessions_of(self, user_id: str) -> None:
        """End all of another user's sessions; personal access tokens stay."""
        self.store.users.get(user_id)
        self.store.sessions.end_all(user_id)

    @rpc(allow=Allow.USER, idempotent=True)
    def end_session(self, session_id: str) -> None:
        """End one of the caller's sessions; one's own may be over already."""
        ended = self.store.sessions.end(self.caller.user_id, session_id)
        if not ended and session_id != self.caller.session_id and not self.is_repeated:
            raise domain.no_such_session()

    @rpc(allow=Allow.USER, idempotent=True)
    def end_all_sessions(self) -> None:
        """End all of the caller's sessions."""
        self.store.sessions.end_all(self.caller.user_id)

    def shown_sessions(self, user_id: str) -> list[dict[str, Any]]:
        """A user's sessions, as the caller sees them."""
        sessions, current = self.store.sessions, self.caller.session_id
        return [show_session(one, sessions.end_of(one), current) for one in sessions.of(user_id)]
