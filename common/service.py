"""What every service has besides its own work: health, signs of life, metrics, a line an entrypoint."""

from typing import Any

from werkzeug.wrappers import Response

from common import metrics
from common.entrypoint_log import EntrypointLog
from common.health import Health
from common.http import Reply, http
from common.identity import Allow, Caller
from common.instances import Announcer
from common.log_level import LogLevel
from common.request import Request
from common.rpc import rpc
from common.tracing import Tracing
from common.vitals import Vitals


class SuiteService:
    """Base of the service classes; a subclass adds ``name``, its providers and its entrypoints."""

    entrypoint_log = EntrypointLog()
    report = Health()
    announcer = Announcer()
    caller = Caller()
    vitals = Vitals()
    tracing = Tracing()
    log_level = LogLevel()

    @rpc(allow=Allow.PUBLIC, quiet=True, idempotent=True, pooled=False)
    def health(self) -> dict[str, Any]:
        """How this process is; see :mod:`common.health`."""
        found: dict[str, Any] = self.report()
        return found

    @rpc(allow=Allow.ADMIN, idempotent=True)
    def set_log_level(self, level: Any) -> dict[str, str]:
        """Let all instances of this service log from ``level`` on: ``{level}``; until they are restarted."""
        told: dict[str, str] = self.log_level(level, self.caller.user_id)
        return told

    @http("GET", "/health", allow=Allow.PUBLIC, pooled=False, query=True)
    def serve_health(self, request: Request) -> Reply:
        """200 while this process can do its work, 503 while it can't."""
        found = self.health()
        return Reply(503 if found["status"] == "fail" else 200, found)

    @http("GET", "/health/live", allow=Allow.PUBLIC, pooled=False, query=True)
    def serve_liveness(self, request: Request) -> Reply:
        """200 while this process answers at all: no reason to end it, whatever it waits for."""
        return Reply(200, {"status": "pass"})

    @http("GET", "/health/ready", allow=Allow.PUBLIC, pooled=False, query=True)
    def serve_readiness(self, request: Request) -> Reply:
        """As ``/health``, in one word."""
        status = self.health()["status"]
        return Reply(503 if status == "fail" else 200, {"status": status})

    @http("GET", "/metrics", allow=Allow.PUBLIC, produces="text/plain", pooled=False)
    def serve_metrics(self, request: Request) -> Response:
        """Prometheus' text format."""
        body, content_type = metrics.exposition()
        return Response(body, content_type=content_type)
