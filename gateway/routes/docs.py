"""``/docs``, ``/openapi.json`` and ``/asyncapi.json``: the API described, for people and for programs."""

from werkzeug.wrappers import Response

from common.http import ANY_TYPE
from common.identity import Allow
from common.request import Request
from common.service import SuiteService
from gateway import swagger_ui
from gateway.http import http


class DocsRoutes(SuiteService):
    """Answered by the gateway itself, from files."""

    @http("GET", "/openapi.json", allow=Allow.PUBLIC, query=True)
    def show_openapi(self, request: Request) -> Response:
        """This document: every route, as OpenAPI 3.1."""
        return swagger_ui.document(request, "openapi.json")

    @http("GET", "/asyncapi.json", allow=Allow.PUBLIC, query=True)
    def show_asyncapi(self, request: Request) -> Response:
        """Every event between the services, as AsyncAPI 3.0."""
        return swagger_ui.document(request, "asyncapi.json")

    @http("GET", "/docs", allow=Allow.PUBLIC, produces=ANY_TYPE)
    def show_docs(self, request: Request) -> Response:
        """The routes to read and to try out (Swagger UI)."""
        return swagger_ui.page(request)

    @http("GET", "/docs/<asset>", allow=Allow.PUBLIC, produces=ANY_TYPE)
    def show_docs_asset(self, request: Request, asset: str) -> Response:
        """A file of that page."""
        return swagger_ui.asset(request, asset)
