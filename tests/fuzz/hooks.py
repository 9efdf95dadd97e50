"""Who schemathesis is: a new user whenever the last one has logged out or is gone, or an administrator.

Loaded by schemathesis itself; the environment says where the suite is and as whom to come.
"""

import os
from typing import Any

import schemathesis

from tests.e2e.client import Client
from tests.suite import ADMIN

ENDS_THE_SESSION = (
    "logout", "logout_all", "revoke_session", "delete_user", "end_user_session", "end_user_sessions",
)  # fmt: skip
_current: list[str] = []


class Login:
    """Gives each call the token of the moment."""

    def get(self, case: Any, context: Any) -> str:
        """The token; a new account's if the last one ended."""
        if not _current:
            _current.append(_login())
        return _current[0]

    def set(self, case: Any, data: str, context: Any) -> None:
        """Put it into the call."""
        case.headers["Authorization"] = f"Bearer {data}"


if os.environ["FUZZ_AS"] != "anyone":
    schemathesis.auth(refresh_interval=None)(Login)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Log in anew after what may have ended the session."""
    if case.operation.definition.raw.get("operationId") in ENDS_THE_SESSION and response.status_code < 300:
        _current.clear()


def _login() -> str:
    anyone = Client(os.environ["FUZZ_URL"])
    if os.environ["FUZZ_AS"] == "admin":
        return anyone.login(ADMIN["email"], ADMIN["password"]).token
    return anyone.register().login().token
