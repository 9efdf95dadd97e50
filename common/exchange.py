"""One request and its answer, on a connection that may carry more: read, handed on, written in one piece."""

import contextlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import unquote

from eventlet.wsgi import BROKEN_SOCK, HttpProtocol, Input

from common.answers import Answer
from common.chunked import Chunked
from common.framing import (
    Head,
    Pairs,
    connection_options,
    has_body,
    is_read,
    is_sound,
    origin_form,
    read_fields,
    read_request_line,
    stays_open,
    values_of,
)
from common.logging import get_logger

log = get_logger()
CONNECTION = "suite.connection"
"""Where a request's environment has the :class:`Connection` that it came on."""
NOTES = "suite.notes"
"""Where it has what was found out from its header fields alone: a dictionary, remembered with the fields."""
ENDS, GOES_ON = "Connection: close\r\n", "Connection: keep-alive\r\n"
_LONGEST_REMEMBERED = 4096
_WITHOUT_PREFIX = ("CONTENT_TYPE", "CONTENT_LENGTH")


@dataclass(slots=True)
class Fields:
    """The header fields of a request as they came, and what follows from them alone.

    A client sends the same ones with each request of its connection, but for little. So the last are
    remembered, and what comes again byte by byte is not read again.
    """

    raw: bytes
    version: str
    keeps_open: bool = False
    says_so: bool = False
    has_body: bool = False
    environ: dict[str, Any] = field(default_factory=dict)


class Exchange(HttpProtocol):
    """What a connection does for each of its requests; :class:`Connection` says when, and for how long."""

    rfile: Any
    raw_requestline: bytes
    path: str
    _fields = Fields(b"", "")

    def handle_one_request(self) -> None:
        """Read a request, and answer it."""
        self.close_connection = True
        self.raw_requestline = self._read_request_line()
        if not self.raw_requestline or not self.parse_request():
            return
        self.environ = self.get_environ()
        try:
            self.handle_one_response()
        except OSError as problem:
            self.close_connection = True
            if problem.errno not in BROKEN_SOCK:
                raise

    def _read_head(self) -> int:
        """Take in request line and header fields; the status of a refusal, or 0."""
        self.command, target, version = read_request_line(self.raw_requestline)
        if not self._comes_again(target, version):
            refusal = self._read_fields(target, version)
            if refusal:
                return refusal
        self.request_version = version
        self.close_connection = not self._fields.keeps_open
        return 0

    def _comes_again(self, target: str, version: str) -> bool:
        """Whether the fields are those of the request before; they are taken in then."""
        last = self._fields
        # A target that is a whole address changes what the fields say.
        if last.version != version or target[0] != "/" or not self.rfile.peek(1).startswith(last.raw):
            return False
        self.rfile.read(len(last.raw))
        self.path = target
        return True

    def _read_fields(self, target: str, version: str) -> int:
        head = Head(self.rfile)
        pairs = read_fields(head)
        if version >= "HTTP/2":
            return 505
        form = origin_form(target, self.command)
        if form is None:
            return 400
        self.path, host = form
        if host:
            pairs = [*(pair for pair in pairs if pair[0].lower() != "host"), ("Host", host)]
        values = values_of(pairs)
        if not is_sound(values, version):
            return 400
        options = connection_options(values)
        raw = head.raw
        is_known = not host and len(raw) <= _LONGEST_REMEMBERED
        self._fields = Fields(
            raw, version if is_known else "",
            keeps_open=stays_open(options, version), says_so="keep-alive" in options,
            has_body=has_body(values), environ={**self._environ_of_all, **environ_of(pairs), NOTES: {}},
        )  # fmt: skip
        return 0

    @cached_property
    def _environ_of_all(self) -> dict[str, Any]:
        """What all requests of a connection have in common."""
        environ: dict[str, Any] = self.server.get_environ()
        server, client = self.connection.getsockname(), self.client_address
        return environ | {
            "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.0", "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_NAME": server[0], "SERVER_PORT": str(server[1]),
            "REMOTE_ADDR": client[0], "REMOTE_PORT": str(client[1]), CONNECTION: self,
        }  # fmt: skip

    def get_environ(self) -> dict[str, Any]:
        """The environment of a request, with the connection that it came on."""
        path, mark, query = self.path.partition("?")
        environ = self._fields.environ.copy()
        environ["REQUEST_METHOD"] = self.command
        environ["RAW_PATH_INFO"] = path
        environ["PATH_INFO"] = unquote(path, encoding="latin1") if "%" in path else path
        if mark:
            environ["QUERY_STRING"] = query
        environ["wsgi.input"] = environ["eventlet.input"] = self._body_of(environ)
        return environ

    def _body_of(self, environ: dict[str, Any]) -> Input | Chunked:
        asks_first = environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        # HTTP/1.0 knows no "100 Continue".
        wfile = self.wfile if asks_first and self.request_version != "HTTP/1.0" else None
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            return Chunked(self.rfile, wfile)
        length = environ.get("CONTENT_LENGTH", "0")
        return Input(self.rfile, length, self.connection, wfile, b"HTTP/1.1 100 Continue\r\n")

    def handle_one_response(self) -> None:
        """Let the application answer, and send it in one piece."""
        body = self.environ["eventlet.input"]
        try:
            answer: Answer = self.server.app(self.environ)
            if body.should_send_hundred_continue:
                self.close_connection = True  # it may come or not: nobody can tell it from the next request
            body.headers_sent = True
            data = answer.to_bytes(self._last_line(), self.command == "HEAD")
        except Exception as problem:
            log.error("http_failed", path=self.path.partition("?")[0], exc_info=problem)
            self.send_error(500)
            return
        try:
            self.connection.sendall(data)
        finally:
            answer.sent()
        if not self.close_connection and not is_read(body):
            with contextlib.suppress(OSError):
                body.discard()
            self.close_connection = not is_read(body)  # what comes after its end is no request

    def _last_line(self) -> str:
        if self.close_connection:
            return ENDS
        return GOES_ON if self._fields.says_so else ""


def environ_of(pairs: Pairs) -> dict[str, str]:
    """Header fields as WSGI names them; without those that have an underscore, which name another's place."""
    environ: dict[str, str] = {}
    for name, value in pairs:
        key = _key(name)
        if key in _WITHOUT_PREFIX:
            environ.setdefault(key, value)
        elif key:
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ.setdefault("CONTENT_TYPE", "text/plain")
    return environ


@lru_cache(1024)
def _key(name: str) -> str:
    key = name.replace("-", "_").upper()
    if "_" in name:
        return ""
    return key if key in _WITHOUT_PREFIX else f"HTTP_{key}"
