"""``/api/auth``: accounts, logins and sessions."""

from typing import Any

from common.http import Reply
from common.identity import Allow
from common.links import Links
from common.locales import first_spoken
from common.request import Request
from common.rpc import Service
from common.service import SuiteService
from gateway.http import http
from gateway.idempotency import once


class AuthRoutes(SuiteService):
    """Served by the auth service."""

    auth: Any = Service("auth")
    url: Any = Links()

    @http("POST", "/api/auth/register", allow=Allow.PUBLIC)
    def register(self, request: Request) -> Reply:
        """Open an account; its language is the client's, unless it names another."""
        wanted = first_spoken(tag for tag, quality in request.accept_languages if quality)
        found = self.auth.register(data=request.payload, locale=wanted, **once(request))
        where = self.url(f"/api/users/{found['user']['id']}")
        return Reply(201, found, {"Location": where})

    @http("POST", "/api/auth/login", allow=Allow.PUBLIC)
    def login(self, request: Request) -> Reply:
        """Begin a session: an access token and a refresh token."""
        return Reply(200, self.auth.login(data=request.payload))

    @http("POST", "/api/auth/refresh", allow=Allow.PUBLIC)
    def refresh(self, request: Request) -> Reply:
        """Change a refresh token for a new pair."""
        return Reply(200, self.auth.refresh(data=request.payload))

    @http("POST", "/api/auth/logout", allow=Allow.USER)
    def logout(self, request: Request) -> Reply:
        """End the session behind the token."""
        return Reply(204, self.auth.logout())

    @http("POST", "/api/auth/logout-all", allow=Allow.USER)
    def logout_all(self, request: Request) -> Reply:
        """End all of the caller's sessions."""
        return Reply(204, self.auth.logout_all())

    @http("GET", "/api/auth/sessions", allow=Allow.USER)
    def list_sessions(self, request: Request) -> Reply:
        """The caller's sessions."""
        return Reply(200, self.auth.sessions())

    @http("DELETE", "/api/auth/sessions/<session_id>", allow=Allow.USER)
    def revoke_session(self, request: Request, session_id: str) -> Reply:
        """End one of the caller's sessions."""
        return Reply(204, self.auth.revoke_session(session_id=session_id))

    @http("GET", "/api/auth/verify", allow=Allow.USER, scope="profile:read")
    def verify(self, request: Request) -> Reply:
        """Who the caller is, and until when the token holds."""
        return Reply(200, self.auth.verify())

    @http("POST", "/api/auth/email/verify", allow=Allow.PUBLIC)
    def verify_email(self, request: Request) -> Reply:
        """Confirm an address with the token that was mailed to it."""
        return Reply(204, self.auth.verify_email(data=request.payload))

    @http("POST", "/api/auth/email/resend", allow=Allow.USER)
    def resend_verification(self, request: Request) -> Reply:
        """Mail the caller a new link that confirms the address."""
        return Reply(202, self.auth.resend_verification())

    @http("POST", "/api/auth/password/forgot", allow=Allow.PUBLIC)
    def forgot_password(self, request: Request) -> Reply:
        """Ask for a mail with a link that sets a new password."""
        return Reply(202, self.auth.forgot_password(data=request.payload))

    @http("POST", "/api/auth/password/reset", allow=Allow.PUBLIC)
    def reset_password(self, request: Request) -> Reply:
        """Set a new password with the token that was mailed, and end all sessions."""
        return Reply(204, self.auth.reset_password(data=request.payload))

    @http("POST", "/api/auth/password/change", allow=Allow.USER)
    def change_password(self, request: Request) -> Reply:
        """Set another password, and end all other sessions."""
        return Reply(204, self.auth.change_password(data=request.payload))

    @http("POST", "/api/auth/login/second-factor", allow=Allow.PUBLIC)
    def second_login(self, request: Request) -> Reply:
        """Finish a login with a code: an access token and a refresh token."""
        return Reply(200, self.auth.second_login(data=request.payload))

    @http("GET", "/api/auth/second-factor", allow=Allow.USER)
    def get_second_factor(self, request: Request) -> Reply:
        """Whether the caller's second factor is on."""
        return Reply(200, self.auth.second_factor())

    @http("POST", "/api/auth/second-factor", allow=Allow.USER)
    def enrol_second_factor(self, request: Request) -> Reply:
        """Begin with a second factor: a secret for an authenticator app."""
        return Reply(201, self.auth.enrol_second_factor(data=request.payload))

    @http("POST", "/api/auth/second-factor/confirm", allow=Allow.USER)
    def confirm_second_factor(self, request: Request) -> Reply:
        """Switch the second factor on with the app's first code."""
        return Reply(200, self.auth.confirm_second_factor(data=request.payload))

    @http("POST", "/api/auth/second-factor/recovery-codes", allow=Allow.USER)
    def renew_recovery_codes(self, request: Request) -> Reply:
        """Replace the recovery codes."""
        return Reply(200, self.auth.renew_recovery_codes(data=request.payload))

    @http("POST", "/api/auth/second-factor/disable", allow=Allow.USER)
    def end_second_factor(self, request: Request) -> Reply:
        """Switch the second factor off with a code."""
        return Reply(204, self.auth.end_second_factor(data=request.payload))
