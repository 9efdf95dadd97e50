"""Personal access tokens: signed here, shown once, kept as a hash by the user service."""

import hashlib
import uuid
from typing import Any

from common.identity import Allow
from common.rpc import rpc
from common.schemas import load
from services.auth.logins import Logins
from services.auth.schemas import NewAccessToken


class AccessTokenApi(Logins):
    """Served by auth."""

    @rpc(allow=Allow.USER)
    def make_access_token(self, data: Any) -> dict[str, Any]:
        """A token with scopes and an end: what is shown of it later, and ``token``, which never is again."""
        wanted, caller, token_id = load(NewAccessToken, data), self.caller, str(uuid.uuid4())
        scopes = sorted(set(wanted["scopes"]))
        token, expires_at = self.tokens.personal_token(
            caller.user_id, caller.role, token_id, scopes, wanted["expires_in_days"]
        )
        kept = {
            "id": token_id, "user_id": caller.user_id, "name": wanted["name"], "scopes": scopes,
            "token_hash": hashlib.sha256(token.encode()).hexdigest(), "expires_at": expires_at,
        }  # fmt: skip
        shown = self.users.keep_access_token(token=kept, role=caller.role, session_id=caller.session_id)
        return {**shown, "token": token}
