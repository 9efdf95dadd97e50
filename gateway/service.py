"""The gateway: all groups of routes on one port."""

from nameko.extensions import DependencyProvider

from gateway.routes.audit import AuditRoutes
from gateway.routes.auth import AuthRoutes
from gateway.routes.docs import DocsRoutes
from gateway.routes.messages import MessageRoutes
from gateway.routes.system import SystemRoutes
from gateway.routes.todos import TodoRoutes
from gateway.routes.unsubscribe import UnsubscribeRoutes
from gateway.routes.users import UserRoutes
from gateway.routes.web import WebRoutes


class Workers(DependencyProvider):
    """A wider worker pool than the other services': a worker here does little but wait for one of them.

    There have to be several times as many as calls may be under way to one service, so that a service that
    falls silent leaves workers for the others.
    """

    def setup(self) -> None:
        """Widen it before the first request."""
        self.container._worker_pool.resize(int(self.container.config["HTTP"]["gateway_workers"]))


class GatewayService(
    AuthRoutes, UserRoutes, AuditRoutes, TodoRoutes, MessageRoutes, UnsubscribeRoutes, SystemRoutes,
    DocsRoutes, WebRoutes,
):  # fmt: skip
    """What the world outside talks to."""

    name = "gateway"
    http_aliases = {"/todos": "/api/todos", "/users": "/api/users"}
    http_shared_port = True
    workers = Workers()
