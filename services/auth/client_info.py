"""From where a call came, as the gateway saw it."""

from dataclasses import dataclass

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
        data = worker_ctx.data
        ip, program = (_plain(data.get(key, "")) for key in (context.CLIENT_IP, context.USER_AGENT))
        return Client(ip[:64], program[:256])


def _plain(text: str) -> str:
    # A header may carry a NUL, which PostgreSQL does not keep.
    return "".join(one for one in text if one.isprintable())
