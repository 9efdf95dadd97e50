"""Idempotency keys of registrations, which nobody owns yet and whose body has a password."""

from collections.abc import Callable
from typing import Any

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import config
from common.idempotency import read_key

Arguments = dict[str, str]


class RegistrationKeys(DependencyProvider):
    """Injects ``once(given, body)``: what the user service has to be told to carry out a call once.

    The fingerprint of the body is an HMAC with the signing secret: who reads the database can't try
    passwords on it.
    """

    def setup(self) -> None:
        """Read the secret once."""
        self.secret = config.jwt_secret(self.container.config)

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Any, Any], Arguments]:
        """The same for every worker."""
        return self.arguments

    def arguments(self, given: Any, body: Any) -> Arguments:
        """Key and fingerprint; nothing for a call without a key."""
        key = read_key(given, "register", body, self.secret)
        return {"idempotency_key": key.digest, "fingerprint": key.fingerprint} if key else {}
