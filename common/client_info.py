"""From where a call came, as the gateway saw it."""

from dataclasses import dataclass
from typing import Any

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import context


@dataclass(frozen=True, slots=True)
class Client:
    """The caller's address and program; empty where the call did not come through a gateway."""

    ip: str
    user_agent: str


class ClientInfo(DependencyProvider):
    """Injects the :class:`Client` of the current call."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Client:
        """What the gateway put into the call's context."""
        return client_of(worker_ctx.data)


def client_of(data: dict[str, Any]) -> Client:
    """The client that a worker's context tells of."""
    return Client(plain(data.get(context.CLIENT_IP, ""))[:64], plain(data.get(context.USER_AGENT, ""))[:256])


def plain(text: str) -> str:
    """Without control characters: a header may carry a NUL, which PostgreSQL does not keep."""
    return "".join(one for one in text if one.isprintable())
