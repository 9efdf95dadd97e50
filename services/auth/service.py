"""The auth service: registration, login, tokens. It has no database: the rows are the user service's."""

from typing import Any

from common import clock, metrics
from common.identity import Allow
from common.locales import DEFAULT_LOCALE
from common.logging import get_logger
from common.rpc import rpc
from common.schemas import load, refuse
from services.auth import domain
from services.auth.access_token_api import AccessTokenApi
from services.auth.aside import Aside
from services.auth.logins import Known
from services.auth.pacing import at_least
from services.auth.registration_keys import RegistrationKeys
from services.auth.schemas import (
    OWN_WORDS,
    EmailToken,
    Login,
    PasswordChange,
    PasswordForgotten,
    PasswordReset,
    Refresh,
    Registration,
    is_address_or_name,
)
from services.auth.second_factor_api import SecondFactorApi

log = get_logger()
_FORGOT_SECONDS = 0.25
"""More than it takes to have a mail sent: with and without an account, the answer comes then."""


class AuthService(SecondFactorApi, AccessTokenApi):
    """Who is who."""

    name = "auth"
    once: Any = RegistrationKeys()
    aside: Any = Aside()

    @rpc(allow=Allow.PUBLIC)
    def register(
        self, data: Any, locale: str = DEFAULT_LOCALE, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A new account: ``{"user": ...}``; the welcome mail follows by event.

        ``locale`` is what the client's language suggests, for a registration that names none.
        With an idempotency key, the same call again within 24 hours has the first answer.
        """
        once = self.once(idempotency_key, data)
        wanted = {"locale": locale, **load(Registration, data)}
        hashed = self.passwords.hash(wanted.pop("password"))
        return {"user": self.users.create(data={**wanted, "password_hash": hashed}, **once)}

    @rpc(allow=Allow.PUBLIC)
    def login(self, data: Any) -> dict[str, Any]:
        """A token pair for the right password; the same refusal for everything else, in the same time.

        Where a second factor is on, the right password is refused with a challenge for ``second_login``.
        """
        given = load(Login, data)
        known = self.users.credentials(email=given["email"], guess="login")
        right = self.passwords.verify(given["password"], known["password_hash"] if known else None)
        if known is None or not domain.may_log_in(known, right):
            log.warning("login_failed", ip=self.client.ip)
            reason = domain.why_not(known, right)
            metrics.LOGINS.labels(reason).inc()
            self.refused("login", known, reason, given["email"])
            raise domain.wrong_credentials()
        if known["has_second_factor"]:
            self.users.credentials(email=given["email"], guess="login")  # others may have cost a wait
            self._raise_cost(known, given["password"])
            raise self.challenge(known)
        pair = self.start_session(known)
        self._raise_cost(known, given["password"])
        return pair

    @rpc(allow=Allow.PUBLIC)
    def refresh(self, data: Any) -> dict[str, Any]:
        """A new pair for a refresh token, which dies by it."""
        old = load(Refresh, data)["refresh_token"]
        new = self.tokens.successor(old)
        found = self.users.rotate_session(refresh_token=old, new_refresh_token=new)
        if found is None:
            raise domain.bad_refresh_token()
        pair: dict[str, Any] = self.tokens.pair(found["user"], found["session_id"], new)
        return pair

    @rpc(allow=Allow.USER, idempotent=True, scope="profile:read")
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
        if not self.users.verify_email(token=load(EmailToken, data)["token"]):
            raise domain.bad_link()

    @rpc(allow=Allow.USER)
    def resend_verification(self) -> None:
        """Mail the caller a new link that confirms the address, if that is not confirmed yet."""
        self.users.request_email_verification(user_id=self.caller.user_id)

    @rpc(allow=Allow.PUBLIC)
    def forgot_password(self, data: Any) -> None:
        """Mail a link that sets a new password, if the address has an account: nothing tells whether."""
        email = load(PasswordForgotten, data)["email"]
        with at_least(_FORGOT_SECONDS):
            self.users.request_password_reset(email=email)

    @rpc(allow=Allow.PUBLIC)
    def reset_password(self, data: Any) -> None:
        """Set a password with the token of a mail's link; all sessions end."""
        given = load(PasswordReset, data)
        # Looked at first: a bad token costs no hash, and a password that is refused uses up no link.
        account = self.users.password_reset_owner(token=given["token"])
        if account is None:
            self.refused("password_reset", None, "bad_link")
            raise domain.bad_link()
        if is_address_or_name(given["password"], account):
            refuse("password", OWN_WORDS)
        hashed = self.passwords.hash(given["password"])
        if not self.users.reset_password(token=given["token"], password_hash=hashed, ip=self.client.ip):
            raise domain.bad_link()
        log.info("password_reset", user_id=account["id"], ip=self.client.ip)

    @rpc(allow=Allow.USER)
    def change_password(self, data: Any) -> None:
        """Set another password for the right present one; all other sessions end."""
        given, caller = load(PasswordChange, data), self.caller
        known = self.users.credentials(user_id=caller.user_id, guess="password_changed")
        if is_address_or_name(given["new_password"], known["user"]):
            refuse("new_password", OWN_WORDS)
        old = known["password_hash"]
        right = self.passwords.verify(given["current_password"], old)
        if not right or not self.users.change_password(
            user_id=caller.user_id, old_hash=old, new_hash=self.passwords.hash(given["new_password"]),
            session_id=caller.session_id, ip=self.client.ip,
        ):  # fmt: skip
            log.warning("password_change_refused", user_id=caller.user_id, ip=self.client.ip)
            self.refused("password_changed", known, "wrong_password", known["user"]["email"])
            raise domain.wrong_password()

    def _raise_cost(self, known: Known, password: str) -> None:
        """Have a right password kept at today's cost, if it is kept at a lower one; nobody waits for it."""
        old, user_id = known["password_hash"], known["user"]["id"]

        def _raise() -> None:
            new = self.passwords.hash(password)
            if self.users.raise_password_cost(user_id=user_id, old_hash=old, new_hash=new):
                log.info("password_cost_raised", user_id=user_id)

        if self.passwords.is_outdated(old):
            self.aside(_raise)
