"""The gateway: all groups of routes on one port."""

from gateway.routes.auth import AuthRoutes
from gateway.routes.messages import MessageRoutes
from gateway.routes.system import SystemRoutes
from gateway.routes.todos import TodoRoutes
from gateway.routes.unsubscribe import UnsubscribeRoutes
from gateway.routes.users import UserRoutes


class GatewayService(AuthRoutes, UserRoutes, TodoRoutes, MessageRoutes, UnsubscribeRoutes, SystemRoutes):
    """What the world outside talks to."""

    name = "gateway"
    http_aliases = {"/todos": "/api/todos", "/users": "/api/users"}
    http_shared_port = True
