"""The user service's door to PostgreSQL: migrations, the first administrator, three repositories."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from nameko.containers import WorkerContext

from common import clock, context
from common.passwords import hash_password
from common.postgres import PostgresStorage
from common.revocations import MARGIN_SECONDS
from services.users.models import Base
from services.users.passwords import PasswordRepository
from services.users.sessions import SessionRepository
from services.users.users import UserRepository


@dataclass(frozen=True, slots=True)
class Stores:
    """What a worker gets."""

    users: UserRepository
    sessions: SessionRepository
    passwords: PasswordRepository


class UserStorage(PostgresStorage):
    """Injects :class:`Stores`; makes the first administrator when it starts."""

    migrations = Path(__file__).parent / "migrations"

    def __init__(self) -> None:
        super().__init__(Base)

    def setup(self) -> None:
        """Connect and migrate, then make sure that there is an administrator if one is configured."""
        super().setup()
        config = self.container.config
        if config["ADMIN_EMAIL"]:
            password_hash = hash_password(config["ADMIN_PASSWORD"], config["BCRYPT_ROUNDS"])
            self._stores("start").users.ensure_admin(config["ADMIN_EMAIL"], password_hash)

    def get_dependency(self, worker_ctx: WorkerContext) -> Stores:
        """The repositories, with the request's id for the events that they store."""
        return self._stores(worker_ctx.data.get(context.REQUEST_ID) or worker_ctx.call_id)

    def _stores(self, request_id: str) -> Stores:
        lifetime = clock.parse_duration(self.container.config["JWT_EXPIRES_IN"])
        shared = (self.Session, self.relay, lifetime + timedelta(seconds=MARGIN_SECONDS), request_id)
        return Stores(UserRepository(*shared), SessionRepository(*shared), PasswordRepository(*shared))
