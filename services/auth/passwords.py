"""Passwords as the auth service uses them, at the configured cost; see :mod:`common.passwords`."""

from dataclasses import dataclass

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import context
from common.passwords import cost_of, hash_password, verify_at_cost


@dataclass(frozen=True, slots=True)
class Hasher:
    """Hashes and verifies at one cost."""

    rounds: int
    patience: float | None = None
    """The seconds that the call has left: what has not had its turn by then is not begun."""

    def hash(self, password: str) -> str:
        """A hash to keep."""
        return hash_password(password, self.rounds, self.patience)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the right one. Without a stored hash, or with a cheaper one, it takes as long."""
        return verify_at_cost(password, stored, self.rounds, self.patience)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash is cheaper than those that are made now."""
        cost = cost_of(stored)
        return cost is not None and cost < self.rounds


class Passwords(DependencyProvider):
    """Injects a :class:`Hasher`."""

    def setup(self) -> None:
        """Read the settings once."""
        config = self.container.config
        self.rounds, self.longest = config["BCRYPT_ROUNDS"], float(config["RPC_DEADLINE"])

    def get_dependency(self, worker_ctx: WorkerContext) -> Hasher:
        """The hasher for one call."""
        return Hasher(self.rounds, max(0.0, context.remaining(worker_ctx.data, self.longest)))
