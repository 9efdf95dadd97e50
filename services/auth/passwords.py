"""Passwords as the auth service uses them, at the configured cost; see :mod:`common.passwords`."""

from dataclasses import dataclass

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common.passwords import dummy_hash, hash_password, verify_password


@dataclass(frozen=True, slots=True)
class Hasher:
    """Hashes and verifies at one cost."""

    rounds: int

    def hash(self, password: str) -> str:
        """A hash to keep."""
        return hash_password(password, self.rounds)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the right one. Without a stored hash it takes as long, and is False."""
        right = verify_password(password, stored or dummy_hash(self.rounds))
        return right and stored is not None


class Passwords(DependencyProvider):
    """Injects a :class:`Hasher`."""

    def setup(self) -> None:
        """Make the dummy hash now, not during the first login."""
        self.hasher = Hasher(self.container.config["BCRYPT_ROUNDS"])
        dummy_hash(self.hasher.rounds)

    def get_dependency(self, worker_ctx: WorkerContext) -> Hasher:
        """The hasher."""
        return self.hasher
