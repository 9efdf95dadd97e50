"""The user service's door to PostgreSQL: migrations, the first administrator, the repositories."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from nameko.containers import WorkerContext

from common import clock, context
from common.client_info import Client
from common.identity import Allow, Identity, Tokens
from common.passwords import hash_password
from common.postgres import PostgresStorage
from common.revocations import MARGIN_SECONDS
from services.users.access_tokens import AccessTokenRepository
from services.users.audit import Origin, origin_of
from services.users.audit_log import AuditRepository
from services.users.domain import Policy
from services.users.models import Base
from services.users.passwords import PasswordRepository
from services.users.second_factors import SecondFactorRepository
from services.users.sessions import SessionRepository
from services.users.users import UserRepository


@dataclass(frozen=True, slots=True)
class Stores:
    """What a worker gets."""

    users: UserRepository
    sessions: SessionRepository
    passwords: PasswordRepository
    audit: AuditRepository
    second_factors: SecondFactorRepository
    tokens: AccessTokenRepository


class UserStorage(PostgresStorage):
    """Injects :class:`Stores`; makes the first administrator when it starts."""

    migrations = Path(__file__).parent / "migrations"
    tokens = Tokens()

    def __init__(self) -> None:
        super().__init__(Base)

    def setup(self) -> None:
        """Connect and migrate, then make sure that there is an administrator if one is configured."""
        super().setup()
        config = self.container.config
        if config["ADMIN_EMAIL"]:
            password_hash = hash_password(config["ADMIN_PASSWORD"], config["BCRYPT_ROUNDS"])
            self._stores(Origin("start", Client("", ""))).users.ensure_admin(
                config["ADMIN_EMAIL"], password_hash
            )

    def get_dependency(self, worker_ctx: WorkerContext) -> Stores:
        """The repositories, with the request's id for the events that they store, and who is asking."""
        request_id = worker_ctx.data.get(context.REQUEST_ID) or worker_ctx.call_id
        return self._stores(origin_of(worker_ctx.data, request_id, self._caller(worker_ctx)))

    def _caller(self, worker_ctx: WorkerContext) -> Identity | None:
        # The token of a call that needs none has not been checked, and nobody acts by it.
        needs_token = getattr(worker_ctx.entrypoint, "allow", None) in (Allow.USER, Allow.ADMIN)
        return self.tokens.caller(worker_ctx) if needs_token else None

    def _stores(self, origin: Origin) -> Stores:
        shared = (self.Session, self.relay, policy_of(self.container.config), origin)
        return Stores(
            UserRepository(*shared), SessionRepository(*shared), PasswordRepository(*shared),
            AuditRepository(*shared), SecondFactorRepository(*shared), AccessTokenRepository(*shared),
        )  # fmt: skip


def policy_of(config: dict[str, Any]) -> Policy:
    """What the settings say. A session that can't be refreshed yet is not idle."""
    lifetime = clock.parse_duration(config["JWT_EXPIRES_IN"])
    idle = clock.parse_duration(config["REFRESH_IDLE_EXPIRES_IN"])
    free = config["LOGIN_FREE_GUESSES"] if config["RATE_LIMITS"]["enabled"] else 0
    return Policy(lifetime + timedelta(seconds=MARGIN_SECONDS), max(idle, lifetime), free)
