"""Personal access tokens: kept for auth, which signs them; listed and ended by their owner."""

from typing import Any

from common.identity import Allow
from common.rpc import Repeated, deleting, rpc
from common.service import SuiteService
from services.users.schemas import show_access_token
from services.users.storage import UserStorage

Tokens = list[dict[str, Any]]


class AccessTokenApi(SuiteService):
    """Served by the user service. A token is a session of its own kind: it ends in the same way."""

    store: Any = UserStorage()
    is_repeated: Any = Repeated()

    @rpc(allow=Allow.SERVICE)
    def keep_access_token(self, token: dict[str, Any], role: str, session_id: str) -> dict[str, Any]:
        """Keep ``{id, user_id, name, scopes, token_hash, expires_at}`` for who has that role and session."""
        return show_access_token(self.store.tokens.keep(token, role, session_id))

    @rpc(allow=Allow.USER, idempotent=True)
    def access_tokens(self) -> Tokens:
        """The caller's tokens, the newest first."""
        return [show_access_token(one) for one in self.store.tokens.of(self.caller.user_id)]

    @rpc(allow=Allow.USER, idempotent=True)
    def end_access_token(self, token_id: str) -> None:
        """End one of the caller's tokens, at once and everywhere."""
        with deleting(self.is_repeated):
            self.store.tokens.end(self.caller.user_id, token_id)

    @rpc(allow=Allow.SERVICE, quiet=True, idempotent=True)
    def note_token_uses(self, token_ids: list[str]) -> None:
        """Write that these were used just now."""
        self.store.tokens.note_uses(token_ids)
