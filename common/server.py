"""The HTTP server of a process: one port each, limits, request ids, the client's
address, cross-origin rules, one log line a request.

Nameko's own server dies of a network error at the wrong moment, serves on while it stops, and answers
HTML. The subclasses here mend that and leave routing and workers to Nameko.
"""

import errno
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import eventlet
from eventlet import wsgi
from nameko.web.server import BindAddress, WebServer, WsgiApp
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.routing import Map
from werkzeug.wrappers import Response

from common import metrics, problems
from common.connection import HANG_UP, Connection, complete
from common.cors import Cors, parse_origins
from common.forwarded import TrustedProxies, parse_networks
from common.logging import get_logger
from common.request import Request, context_of

log = get_logger()
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SOCKET_SECONDS = 30
_QUIET = ("/health", "/metrics")


class PortTaken(Exception):
    """Another process listens where this one should."""


class SuiteWsgiApp(WsgiApp):
    """Routes a request, gives it an id, and makes sure that the answer carries what it must."""

    def __init__(self, server: "SuiteWebServer") -> None:
        super().__init__(server)
        settings = server.container.config["HTTP"]
        self.proxies = TrustedProxies(parse_networks(settings["trusted_proxies"]))
        self.cors = Cors(parse_origins(settings["cors_origins"]))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application."""
        started = time.perf_counter()
        _prepare(environ, self.server.aliases)
        self.proxies.apply(environ)
        request = Request(environ, shallow=True)
        request.limit(self.server.max_body_bytes)
        request.request_id = _request_id(request.headers.get("X-Request-ID", ""))
        response, route = self._answer(request)
        complete(response, request.request_id, request.answer_headers)
        self.cors.apply(request, response)
        if not self.server.is_accepting or _is_much_unread(environ, self.server.max_body_bytes):
            environ[HANG_UP]()
        self._log(request, response, route, time.perf_counter() - started)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _answer(self, request: Request) -> tuple[Response, str]:
        try:
            _check_framing(request)
            preflight = self.cors.preflight(request)
            if preflight is not None:
                return preflight, "*"
            adapter = self.url_map.bind_to_environ(request.environ)
            self._check_method(request)
            provider, request.path_values = adapter.match()
            return provider.handle_request(request), provider.url
        except MethodNotAllowed as refusal:
            if request.method == "OPTIONS":
                return _options(refusal), "*"
            return problems.from_http(refusal, request.path, request.request_id), "*"
        except HTTPException as refusal:
            return problems.from_http(refusal, request.path, request.request_id), "*"
        except Exception as problem:
            log.error("http_failed", path=request.path, request_id=request.request_id, exc_info=problem)
            return problems.from_http(InternalServerError(), request.path, request.request_id), "*"

    def _check_method(self, request: Request) -> None:
        # werkzeug would look on, and take the "stats" of PATCH /api/todos/stats for a todo's id.
        methods = self.server.spelled_out.get(request.path.removesuffix("/") or "/", {request.method})
        if request.method not in methods:
            raise MethodNotAllowed(sorted(methods))

    def _log(self, request: Request, response: Response, route: str, seconds: float) -> None:
        method = request.method if request.method in _METHODS else "other"
        metrics.http_answer(method, route, response.status_code).inc()
        if request.path.startswith(_QUIET) and response.status_code < 400:
            return
        write = log.warning if response.status_code >= 500 else log.info
        write(
            "http_handled", method=request.method, path=request.path, status=response.status_code,
            ms=round(seconds * 1000, 1), client=request.remote_addr, request_id=request.request_id,
        )  # fmt: skip


class SuiteWebServer(WebServer):
    """Listens on the port that ``HTTP.ports`` of the configuration gives this service."""

    def __init__(self) -> None:
        super().__init__()
        self._starting = False
        self.is_accepting = True
        self.spelled_out: dict[str, set[str]] = {}

    @property
    def aliases(self) -> dict[str, str]:
        """Paths that answer like others; the service class names them as ``http_aliases``."""
        return getattr(self.container.service_cls, "http_aliases", {})

    @property
    def shared_port(self) -> bool:
        """Whether several processes of this service may listen on one port (``http_shared_port``)."""
        return getattr(self.container.service_cls, "http_shared_port", False)

    @property
    def max_body_bytes(self) -> int:
        """The largest body that is read."""
        return int(self.container.config["HTTP"]["max_body_bytes"])

    @property
    def bind_addr(self) -> BindAddress:
        """Host and port; port 0 lets the system choose."""
        settings = self.container.config["HTTP"]
        return BindAddress(settings["host"], settings["ports"][self.container.service_name])

    def start(self) -> None:
        """Listen; a port that is taken ends the process with a line that says so."""
        if self._starting:
            return
        self._starting = True
        address = self.bind_addr
        try:
            self._sock = eventlet.listen(address, reuse_port=self.shared_port, backlog=512)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(
                f"port {address.port} is taken: stop what listens there or choose another"
            ) from None
        self._sock.settimeout(None)
        self._serv = self.get_wsgi_server(self._sock, SuiteWsgiApp(self))
        self._gt = self.container.spawn_managed_thread(self.run)
        log.info("http_listening", port=self._sock.getsockname()[1])

    def run(self) -> None:
        """Accept connections; running out of file descriptors is waited out, not died of."""
        while self.is_accepting:
            try:
                sock, address = self._sock.accept()
            except OSError as problem:
                if self.is_accepting:
                    log.error("http_accept_failed", error=str(problem))
                    eventlet.sleep(0.1)
                continue
            sock.settimeout(self._serv.socket_timeout)
            eventlet.spawn_n(self.process_request, sock, address)

    def process_request(self, sock: Any, address: Any) -> None:
        """Serve one connection; whatever its network does, it ends this connection only."""
        try:
            self._serv.process_request([address, sock, wsgi.STATE_IDLE])
        except Exception as problem:
            log.debug("http_connection_lost", error=f"{type(problem).__name__}: {problem}")

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, **kwargs: Any) -> wsgi.Server:
        """eventlet's server with time-outs; its own access log is off, since ours knows the request."""
        server = wsgi.Server(
            sock, sock.getsockname(), wsgi_app, protocol=Connection, log_output=False, debug=False,
            keepalive=True, socket_timeout=_SOCKET_SECONDS,
        )  # fmt: skip
        server.capitalize_response_headers = False  # ETag and WWW-Authenticate as they are written
        return server

    def make_url_map(self) -> Map:
        """The routes; a path with a slash too many is another path, not a redirect."""
        routes: Map = super().make_url_map()
        routes.merge_slashes = False
        for rule in routes.iter_rules():
            if not rule.arguments:
                self.spelled_out.setdefault(rule.rule, set()).update(rule.methods or ())
        return routes

    def context_data_from_headers(self, request: Request) -> dict[str, Any]:
        """The worker context of a request."""
        return context_of(request)

    def close_listener(self) -> None:
        """Refuse new connections from now on; may be called more than once."""
        if self.is_accepting:
            self.is_accepting = False
            if self._gt is not None:
                self._gt.kill()
            if self._sock is not None:
                self._sock.close()

    def stop(self) -> None:
        """End the server; its workers have finished by now."""
        self.close_listener()


def _prepare(environ: dict[str, Any], aliases: dict[str, str]) -> None:
    # eventlet does end a chunked body by itself; werkzeug reads it as empty unless told so.
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        environ["wsgi.input_terminated"] = True
    first, slash, rest = environ["PATH_INFO"][1:].partition("/")
    if f"/{first}" in aliases:
        environ["PATH_INFO"] = aliases[f"/{first}"] + slash + rest


def _options(refusal: MethodNotAllowed) -> Response:
    response = Response(status=204, headers={"Allow": problems.allow(refusal.valid_methods or ())})
    response.headers.pop("Content-Type")
    return response


def _check_framing(request: Request) -> None:
    # What two servers in a row may read differently is how requests are smuggled past the first.
    names = [name.lower() for name, _ in request.environ["headers_raw"]]
    coding = request.headers.get("Transfer-Encoding", "chunked").lower()
    if names.count("content-length") > 1 or coding != "chunked":
        request.environ[HANG_UP]()
        raise BadRequest()
    if "host" in names and not request.host:
        raise BadRequest()


def _is_much_unread(environ: dict[str, Any], limit: int) -> bool:
    body = environ["eventlet.input"]
    if body.chunked_input:
        return bool(body.chunk_length != 0)
    return bool((body.content_length or 0) - body.position > limit)


def _request_id(given: str) -> str:
    return given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
