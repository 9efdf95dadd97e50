"""Absolute links in answers, under the address that the client itself used."""

from collections.abc import Callable

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import context

Url = Callable[[str], str]


class Links(DependencyProvider):
    """Injects ``url(path)``: the path under the gateway's address as the client knows it.

    A call that came through no gateway (``nameko shell``) gets links under ``PUBLIC_URL``.
    """

    def get_dependency(self, worker_ctx: WorkerContext) -> Url:
        """The function for one worker."""
        base = worker_ctx.data.get(context.BASE_URL) or self.container.config["PUBLIC_URL"]
        root = str(base).rstrip("/")
        return lambda path: root + path
