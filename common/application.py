"""What happens to every request: an id, the client's address, cross-origin rules, a route, one log line.

Nameko's own application answers HTML and knows none of these. That is a WSGI application; this one gets the
same environment, and gives an :class:`Answer`, which its connection writes.
"""

import re
import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.wrappers import Response

from common import errors, metrics, problems, tracing
from common.answers import Answer
from common.compression import compress
from common.cors import Cors, parse_origins
from common.exchange import CONNECTION
from common.forwarded import TrustedProxies, parse_networks
from common.framing import is_read, is_text
from common.ids import new_id
from common.logging import get_logger
from common.request import Request
from common.routes import Routes
from common.sampling import Sample

if TYPE_CHECKING:
    from common.server import SuiteWebServer

log = get_logger()
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_QUIET = ("/health", "/metrics")


class Application:
    """Routes a request, gives it an id, and makes sure that the answer carries what it must."""

    def __init__(self, server: "SuiteWebServer") -> None:
        self.server = server
        config = server.container.config
        self.proxies = TrustedProxies(parse_networks(config["HTTP"]["trusted_proxies"]))
        self.sample = Sample(float(config["LOG_ACCESS_SAMPLE"]))
        self.cors = Cors(parse_origins(config["HTTP"]["cors_origins"]))
        self.routes = Routes(server.make_url_map())
        self.most_bytes, self.aliases = server.max_body_bytes, server.aliases

    def __call__(self, environ: dict[str, Any]) -> Answer:
        """The answer to a request, complete; and what is to be done with the connection that it came on."""
        started = time.perf_counter()
        _prepare(environ, self.aliases)
        self.proxies.apply(environ)
        request = Request(environ, shallow=True)
        request.limit(self.most_bytes)
        request.request_id = _request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        request.traceparent = environ.get("HTTP_TRACEPARENT", "")[:128]
        request.tracestate = tracing.state_of(environ.get("HTTP_TRACESTATE", ""), request.traceparent)
        span = _begin_span(request) if tracing.recorder.is_on else None
        found, route = self._answer(request)
        answer = found if isinstance(found, Answer) else Answer.of(found, environ)
        compress(request, answer)
        answer.complete(request.request_id, self.server.every_answer, request.answer_headers)
        self.cors.apply(request, answer)
        connection = environ[CONNECTION]
        if not self.server.is_accepting or _is_at_its_end(environ, self.most_bytes):
            connection.hang_up()
        seconds = time.perf_counter() - started
        answer.sent = partial(self._log, request, answer.status_code, route, seconds)
        if span is not None:
            _end_span(span, request, answer.status_code, route)
        connection.answering(is_read(environ["eventlet.input"]))
        return answer

    def _answer(self, request: Request) -> tuple[Answer | Response, str]:
        try:
            if "HTTP_HOST" in request.environ and not request.once("host", lambda: request.host):
                raise BadRequest()
            preflight = _of_the_server(request) or self.cors.preflight(request)
            if preflight is not None:
                return preflight, "*"
            if not is_text(f"{request.environ['RAW_PATH_INFO']}?{request.environ.get('QUERY_STRING', '')}"):
                raise errors.BadRequest("malformed_request", "The address is not valid UTF-8.")
            provider, request.path_values = self.routes.match(request.path, request.method)
            return provider.handle_request(request), provider.url
        except (HTTPException, errors.BadRequest) as refusal:
            return _refused(refusal, request), "*"
        except Exception as problem:
            log.error("http_failed", path=request.path, request_id=request.request_id, exc_info=problem)
            return problems.from_http(InternalServerError(), request.path, request.request_id), "*"

    def _log(self, request: Request, status: int, route: str, seconds: float) -> None:
        method = request.method if request.method in _METHODS else "other"
        metrics.http_answer(method, route, status).inc()
        metrics.http_seconds(method, route).observe(seconds)
        if status < 400 and self._is_left_out(request, seconds):
            return
        # A report that all is not well has been made as it should; what is not well has lines of its own.
        is_bad = status >= 500 and not request.path.startswith(_QUIET)
        write = log.warning if is_bad else log.info
        write(
            "http_handled", method=request.method, path=request.path, status=status,
            ms=round(seconds * 1000, 1), client=request.remote_addr, request_id=request.request_id,
            **({"trace_id": tracing.trace_id(request.traceparent)} if request.traceparent else {}),
        )  # fmt: skip

    def _is_left_out(self, request: Request, seconds: float) -> bool:
        if request.path.startswith(_QUIET):
            return True
        reads = request.method in ("GET", "HEAD")
        return reads and not self.sample.keeps(request.request_id, seconds)


def _prepare(environ: dict[str, Any], aliases: dict[str, str]) -> None:
    # A body in chunks does end by itself; werkzeug reads it as empty unless told so.
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        environ["wsgi.input_terminated"] = True
    first, slash, rest = environ["PATH_INFO"][1:].partition("/")
    if f"/{first}" in aliases:
        environ["PATH_INFO"] = aliases[f"/{first}"] + slash + rest


def _begin_span(request: Request) -> tracing.Span | None:
    if request.path.startswith(_QUIET):
        return None
    span = tracing.recorder.begin("HTTP", tracing.SERVER, request.traceparent, state=request.tracestate)
    request.traceparent = span.traceparent
    if request.tracestate:
        request.tracestate = span.state  # none, if the parent was no good and a new trace begins
    return span


def _end_span(span: tracing.Span, request: Request, status: int, route: str) -> None:
    method = request.method if request.method in _METHODS else "other"
    told = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
    span.rename(f"{method} {route}", {**told, "suite.request_id": request.request_id})
    span.end(str(status) if status >= 500 else "")


def _of_the_server(request: Request) -> Answer | None:
    return _options(_METHODS) if request.environ["RAW_PATH_INFO"] == "*" else None


def _refused(refusal: HTTPException | errors.BadRequest, request: Request) -> Answer:
    if isinstance(refusal, errors.BadRequest):
        return problems.from_error(refusal, request.path, request.request_id)
    if isinstance(refusal, MethodNotAllowed) and request.method == "OPTIONS":
        return _options(refusal.valid_methods or ())
    return problems.from_http(refusal, request.path, request.request_id)


def _options(methods: Iterable[str]) -> Answer:
    return Answer(204, {"Allow": problems.allow(methods)})


def _is_at_its_end(environ: dict[str, Any], limit: int) -> bool:
    """Whether the rest of the body is late, or long, or the client has asked first whether to send it."""
    body = environ["eventlet.input"]
    if environ[CONNECTION].is_late:
        return True
    if is_read(body):
        return False
    if body.should_send_hundred_continue or body.chunked_input:
        return True
    return bool(body.content_length - body.position > limit)


def _request_id(given: str) -> str:
    return given if _SANE_ID.fullmatch(given) else new_id()
