"""What the groups of auth's entrypoints share: whom they ask, and how a session begins."""

from typing import Any

from common import metrics
from common.client_info import ClientInfo
from common.rpc import Service
from common.service import SuiteService
from services.auth import domain
from services.auth.passwords import Passwords
from services.auth.tokens import TokenSigner

Known = dict[str, Any]
"""What the user service tells of an account to auth alone: ``users.credentials``."""


class Logins(SuiteService):
    """Base of the groups."""

    users: Any = Service("users", as_service=True)
    passwords: Any = Passwords()
    tokens: Any = TokenSigner()
    client: Any = ClientInfo()

    def refused(self, event: str, known: Known | None, reason: str, guessed: str = "") -> None:
        """Have a refusal noted in the audit log; ``guessed`` is the address whose password was wrong.

        TooManyRequests if wrong ones at the same moment have begun a wait: no word on whether this one was.
        """
        user_id = known["user"]["id"] if known else None
        self.users.record_refusal(event=event, user_id=user_id, reason=reason, guessed=guessed)

    def start_session(self, known: Known, second_factor: bool = False) -> dict[str, Any]:
        """A token pair, if what the login was checked against is still enough."""
        refresh_token = self.tokens.refresh_token()
        proof = {"password_hash": known["password_hash"], "second_factor": second_factor}
        opened = self.users.open_session(
            user_id=known["user"]["id"], refresh_token=refresh_token, seconds=self.tokens.refresh_lifetime,
            ip=self.client.ip, user_agent=self.client.user_agent, proof=proof,
        )  # fmt: skip
        if opened is None:
            raise domain.wrong_credentials()
        metrics.LOGINS.labels("succeeded").inc()
        pair: dict[str, Any] = self.tokens.pair(opened["user"], opened["session_id"], refresh_token)
        return pair

    def check_own_password(self, password: str, event: str) -> Known:
        """The caller's account; ValidationFailed if that is not its password."""
        known: Known = self.users.credentials(user_id=self.caller.user_id, guess=event)
        if not self.passwords.verify(password, known["password_hash"]):
            self.refused(event, known, "wrong_password", known["user"]["email"])
            raise domain.wrong_password()
        return known
