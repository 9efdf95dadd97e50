"""``/``, ``/health`` and ``/api/services``: what this is, how the whole suite is, and who runs."""

from typing import Any

from werkzeug.wrappers import Response

from common import VERSION
from common.health import worst
from common.http import ANY_TYPE, Reply
from common.http import http as uncounted
from common.identity import Allow, PublicKeys
from common.links import Links
from common.request import Request
from common.service import SuiteService
from gateway import web_app
from gateway.discovery import Discovery
from gateway.http import http
from gateway.system_health import SystemHealth

_RESOURCES = {
    "auth": "/api/auth",
    "users": "/api/users",
    "audit": "/api/audit",
    "todos": "/api/todos",
    "messages": "/api/messages",
    "services": "/api/services",
    "health": "/health",
    "metrics": "/metrics",
    "docs": "/docs",
    "openapi": "/openapi.json",
    "asyncapi": "/asyncapi.json",
}


class SystemRoutes(SuiteService):
    """Answered by the gateway itself, the health routes without taking a worker's place or a count."""

    system: Any = SystemHealth()
    instances: Any = Discovery()
    url: Any = Links()
    keys: Any = PublicKeys()
    page: Any = web_app.WebPage()

    @http("GET", "/", allow=Allow.PUBLIC, produces=ANY_TYPE)
    def index(self, request: Request) -> Reply | Response:
        """Where to go from here; for a browser, the web app."""
        if web_app.wants_page(request):
            shown: Response = self.page(request)
            return shown
        found = {name: self.url(path) for name, path in _RESOURCES.items()}
        return Reply(200, {"name": "todo-suite", "version": VERSION, "links": found}, {"Vary": "Accept"})

    @http("GET", "/.well-known/jwks.json", allow=Allow.PUBLIC, query=True)
    def show_keys(self, request: Request) -> Reply:
        """The public keys that access tokens are signed with."""
        return Reply(200, self.keys)

    @http("GET", "/api/services", allow=Allow.ADMIN)
    def list_instances(self, request: Request) -> Reply:
        """The running instances of all services."""
        return Reply(200, self.instances())

    @uncounted("GET", "/health", allow=Allow.PUBLIC, pooled=False, query=True)
    def serve_health(self, request: Request) -> Reply:
        """The health of all services: 200 while all can work, 503 while one can't."""
        found: dict[str, Any] = self.system()
        return Reply(503 if found["status"] == "fail" else 200, found)

    @uncounted("GET", "/health/live", allow=Allow.PUBLIC, pooled=False, query=True)
    def serve_liveness(self, request: Request) -> Reply:
        """200 while this process answers at all."""
        return Reply(200, {"status": "pass"})

    @uncounted("GET", "/health/ready", allow=Allow.PUBLIC, pooled=False, query=True)
    def serve_readiness(self, request: Request) -> Reply:
        """200 while every service can work, and this process too, so that requests are worth sending here."""
        status = worst([self.system()["status"], self.report()["status"]])
        return Reply(503 if status == "fail" else 200, {"status": status})
