"""``/verify-email``, ``/reset-password`` and ``/app``: the web app. Its home is ``/``, in :mod:`.system`."""

from typing import Any

from werkzeug.wrappers import Response

from common.http import ANY_TYPE
from common.http import http as uncounted
from common.identity import Allow
from common.request import Request
from common.service import SuiteService
from gateway import web_app
from gateway.http import http


class WebRoutes(SuiteService):
    """Answered by the gateway itself, from files."""

    page: Any = web_app.WebPage()

    @http("GET", "/verify-email", allow=Allow.PUBLIC, produces=ANY_TYPE)
    def show_email_verification(self, request: Request) -> Response:
        """Where the link of a verification mail leads."""
        shown: Response = self.page(request)
        return shown

    @http("GET", "/reset-password", allow=Allow.PUBLIC, produces=ANY_TYPE)
    def show_password_reset(self, request: Request) -> Response:
        """Where the link of a password mail leads."""
        shown: Response = self.page(request)
        return shown

    # One page loads dozens of them, each from memory: neither a worker's place nor a count is worth it.
    @uncounted("GET", "/app/<version>/<folder>/<file>", allow=Allow.PUBLIC, produces=ANY_TYPE, pooled=False)
    def show_app_file(self, request: Request, version: str, folder: str, file: str) -> Response:
        """A file of the web app."""
        return web_app.asset(request, version, folder, file)
