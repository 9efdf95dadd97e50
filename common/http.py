"""The HTTP entrypoint: who is it, may they, run the method, render what it returned or raised.

A method takes the request (and the path's values by name) and returns what JSON can show, or a
:class:`Reply` where the status or a header matters. What it raises becomes a problem document.
"""

from dataclasses import dataclass, field
from typing import Any

from nameko.containers import WorkerContext
from nameko.exceptions import ContainerBeingKilled
from nameko.web.handlers import HttpRequestHandler
from werkzeug.exceptions import HTTPException, NotAcceptable
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from common import problems, scopes, strict_json
from common.answers import Answer
from common.container import NoPlace, SuiteContainer
from common.errors import SuiteError, Unavailable, internal_error
from common.identity import Allow, Tokens
from common.logging import get_logger
from common.request import JSON, Request
from common.schemas import UNKNOWN, invalid
from common.server import SuiteWebServer

log = get_logger()
IDEMPOTENT = {"GET", "HEAD", "PUT", "DELETE"}
"""By RFC 9110: made twice they do what they do made once, so the calls that they make may be repeated."""
ANY_TYPE = "*/*"
"""What a method ``produces`` that chooses the type of its answer itself."""


@dataclass(frozen=True)
class Reply:
    """A status, what to show as JSON (None: no body), and headers."""

    status: int
    payload: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class HttpEntrypoint(HttpRequestHandler):
    """``@http("GET", "/api/todos", allow=Allow.USER, scope="todos:read")``.

    ``scope`` is what a personal access token must be for; without it, none will do.
    With ``pooled=False`` the method runs beside the worker pool: it answers while all places are taken.
    With ``json=False`` a body is taken as it is, whatever its type: ``request.body``.
    With ``query=True`` it reads the parameters behind a ``?``, or does not mind them, as pages never do; all
    others refuse any, since who gives one expects something else than what would happen.
    """

    server = SuiteWebServer()
    tokens = Tokens()
    kind = "http"

    def __init__(
        self,
        method: str,
        url: str,
        allow: Allow,
        *,
        produces: str = JSON,
        pooled: bool = True,
        json: bool = True,
        **kwargs: Any,
    ) -> None:
        self.scope = scopes.checked(kwargs.pop("scope", ""))
        self.query: bool = kwargs.pop("query", produces != JSON)
        super().__init__(method, url, expected_exceptions=SuiteError, **kwargs)
        self.allow = allow
        self.idempotent = set(method.split(",")) <= IDEMPOTENT
        self.produces = produces
        self.pooled = pooled
        self.json = json

    def get_url_rule(self) -> Rule:
        """The route; a slash at its end is ignored."""
        return Rule(self.url, methods=self.method.split(","), strict_slashes=False)

    def stop(self) -> None:
        """Stop taking connections first: Nameko would serve new ones until the last has ended."""
        self.server.drain()
        super().stop()

    def handle_request(self, request: Request) -> Answer | Response:
        """Authorize, run the method in a worker, and render; nothing escapes from here."""
        request.shallow = False
        try:
            data = self.server.context_data_from_headers(request)
            self._accept(request)
            self.admit(request, data)
            if not self.query and "QUERY_STRING" in request.environ:
                _refuse_query(request)
            return self.response_from_result(self._run(request, data))
        except Exception as problem:
            return self._refusal(problem, request)

    def admit(self, request: Request, data: dict[str, Any]) -> None:
        """Raise what speaks against the request, before a worker is started for it."""
        self.tokens.authorize(self.allow, data, self.scope)
        request.read(self.json)  # here, since a slow client may hold a connection and no worker's place

    def response_from_result(self, result: Any) -> Answer | Response:
        """JSON for plain values and replies; a werkzeug response as it is."""
        if isinstance(result, Response):
            return result
        reply = result if isinstance(result, Reply) else Reply(200, result)
        if reply.payload is None:
            return Answer(reply.status, reply.headers)
        headers = {"Content-Type": JSON, **reply.headers}
        return Answer(reply.status, headers, strict_json.encode(reply.payload))

    def _accept(self, request: Request) -> None:
        if "HTTP_ACCEPT" not in request.environ:
            return
        if not request.once(("accepts", self.produces), lambda: self._is_acceptable(request)):
            raise NotAcceptable()

    def _is_acceptable(self, request: Request) -> bool:
        accepted = request.accept_mimetypes
        return not accepted or bool(accepted[self.produces] or accepted["application/problem+json"])

    def _run(self, request: Request, data: dict[str, Any]) -> Any:
        outcome: list[Any] = []

        def finish(worker_ctx: WorkerContext, result: Any, exc_info: Any) -> tuple[Any, Any]:
            outcome.extend((result, exc_info))
            return result, exc_info

        # The connection has a green thread of its own, which would only wait for another one.
        container: SuiteContainer = self.container
        run = container.run_worker_here if self.pooled else container.run_worker_beside
        try:
            run(self, (request,), request.path_values, data, finish)
        except ContainerBeingKilled:
            raise Unavailable("stopping", "This process is stopping: try again.") from None
        except NoPlace:
            raise Unavailable("overloaded", "Too many requests are waiting: try again later.") from None
        result, exc_info = outcome
        if exc_info:
            raise exc_info[1]
        return result

    def _refusal(self, problem: Exception, request: Request) -> Answer:
        if isinstance(problem, HTTPException):
            return problems.from_http(problem, request.path, request.request_id)
        if not isinstance(problem, SuiteError):
            log.error("http_failed", path=request.path, request_id=request.request_id, exc_info=problem)
            problem = internal_error()
        return problems.from_error(problem, request.path, request.request_id)


def _refuse_query(request: Request) -> None:
    """ValidationFailed for any parameter."""
    if request.args:
        raise invalid({name: [UNKNOWN] for name in request.args})


http = HttpEntrypoint.decorator
