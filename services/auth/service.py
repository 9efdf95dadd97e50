"""The auth service: registration, login, tokens. It has no database: the rows are the user service's."""

from typing import Any

from common import clock
from common.identity import Allow
from common.locales import DEFAULT_LOCALE
from common.logging import get_logger
from common.rpc import Service, rpc
from common.schemas import load
from common.service import SuiteService
from services.auth import domain
from services.auth.client_info import ClientInfo
from services.auth.passwords import Passwords
from services.auth.registration_keys import RegistrationKeys
from services.auth.schemas import EmailToken, Login, Refresh, Registration
from services.auth.tokens import TokenSigner

log = get_logger()


class AuthService(SuiteService):
    """Who is who."""

    name = "auth"
    users: Any = Service("users", as_service=True)
    passwords: Any = Passwords()
    tokens: Any = TokenSigner()
    client: Any = ClientInfo()
    once: Any = RegistrationKeys()

    @rpc(allow=Allow.PUBLIC)
    def register(
        self, data: Any, locale: str = DEFAULT_LOCALE, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A new account: ``{"user": ...}``; the welcome mail follows by event.

        ``locale`` is what the client's language suggests, for a registration that names none.
        With an idempotency key, the same call again within 24 hours has the first answer.
        """
        once = self.once(idempotency_key, data)
        wanted = {"locale": locale, **load(Registration(), data)}
        hashed = self.passwords.hash(wanted.pop("password"))
        return {"user": self.users.create(data={**wanted, "password_hash": hashed}, **once)}

    @rpc(allow=Allow.PUBLIC)
    def login(self, data: Any) -> dict[str, Any]:
        """A token pair for the right password; the same refusal for everything else, in the same time."""
        given = load(Login(), data)
        known = self.users.credentials(email=given["email"])
        right = self.passwords.verify(given["password"], known["password_hash"] if known else None)
        if known is None or not domain.may_log_in(known, right):
            log.warning("login_failed", ip=self.client.ip)
            raise domain.wrong_credentials()
        log.info("login_succeeded", user_id=known["user"]["id"])
        return self._start_session(known["user"])

    @rpc(allow=Allow.PUBLIC)
    def refresh(self, data: Any) -> dict[str, Any]:
        """A new pair for a refresh token, which dies by it."""
        old = load(Refresh(), data)["refresh_token"]
        new = self.tokens.successor(old)
        found = self.users.rotate_session(refresh_token=old, new_refresh_token=new)
        if found is None:
            raise domain.bad_refresh_token()
        pair: dict[str, Any] = self.tokens.pair(found["user"], found["session_id"], new)
        return pair

    @rpc(allow=Allow.USER, idempotent=True)
    def verify(self) -> dict[str, Any]:
        """Whose token this is, and until when."""
        user = self.users.get(user_id=self.caller.user_id)
        return {"valid": True, "user": user, "expires_at": clock.from_unix(self.caller.expires_at)}

    @rpc(allow=Allow.USER, idempotent=True)
    def logout(self) -> None:
        """End the session behind this token."""
        self.users.end_session(session_id=self.caller.session_id)

    @rpc(allow=Allow.USER, idempotent=True)
    def logout_all(self) -> None:
        """End all sessions of the caller."""
        self.users.end_all_sessions()

    @rpc(allow=Allow.USER, idempotent=True)
    def sessions(self) -> list[dict[str, Any]]:
        """The caller's sessions."""
        found: list[dict[str, Any]] = self.users.sessions()
        return found

    @rpc(allow=Allow.USER, idempotent=True)
    def revoke_session(self, session_id: str) -> None:
        """End one of the caller's sessions."""
        self.users.end_session(session_id=session_id)

    @rpc(allow=Allow.PUBLIC)
    def verify_email(self, data: Any) -> None:
        """Confirm an address with the token of the mail's link."""
        if not self.users.verify_email(token=load(EmailToken(), data)["token"]):
            raise domain.bad_link()

    def _start_session(self, user: dict[str, Any]) -> dict[str, Any]:
        refresh_token = self.tokens.refresh_token()
        opened = self.users.open_session(
            user_id=user["id"], refresh_token=refresh_token, seconds=self.tokens.refresh_lifetime,
            ip=self.client.ip, user_agent=self.client.user_agent,
        )  # fmt: skip
        if opened is None:
            raise domain.wrong_credentials()
        pair: dict[str, Any] = self.tokens.pair(opened["user"], opened["session_id"], refresh_token)
        return pair
