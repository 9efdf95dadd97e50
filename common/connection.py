"""One client's connection: what every answer on it carries, and how it ends.

eventlet answers what is no HTTP with a page of Python's and what is too long with an empty one, ignores
an answer's ``Connection: close``, waits for ever for a client that sends a byte now and then, and reads on
without limit when an answer was given before the body had come.
"""

import contextlib
import socket
import uuid
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Any
from urllib.parse import unquote

import eventlet
from eventlet.greenio import GreenSocket
from eventlet.patcher import original
from eventlet.wsgi import (
    BROKEN_SOCK,
    ChunkReadError,
    HeaderLineTooLong,
    HeadersTooLarge,
    HttpProtocol,
    Input,
)
from werkzeug.exceptions import BadRequest, default_exceptions

from common import metrics, problems
from common.answers import Answer
from common.connections import Connections
from common.framing import (
    Head,
    Incomplete,
    Malformed,
    has_body,
    is_read,
    is_sound,
    origin_form,
    read_fields,
    read_request_line,
    says_keep_alive,
    stays_open,
)
from common.handshake import part
from common.logging import get_logger

log = get_logger()
_Socket: Any = original("socket").socket

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""As the OWASP REST cheat sheet asks; an answer that sets one itself keeps its own."""
CONNECTION = "suite.connection"
"""Where a request's environment has the :class:`Connection` that it came on."""
_LINGER_SECONDS = 2
_READ_BYTES = 65536


_LONGEST_REMEMBERED = 4096
_ENDS, _GOES_ON = "Connection: close\r\n", "Connection: keep-alive\r\n"
_OF_ONE_REQUEST = ("QUERY_STRING", "eventlet.posthooks", "eventlet.set_idle")


@dataclass(slots=True)
class Fields:
    """The header fields of a request as they came, and what follows from them alone.

    A client sends the same ones with each request of its connection, but for little. So the last are
    remembered, and what comes again byte by byte is not read again.
    """

    raw: bytes
    version: str
    keeps_open: bool
    says_so: bool
    has_body: bool
    environ: dict[str, Any] = field(default_factory=dict)


class Connection(HttpProtocol):
    """A connection that an answer can end, and that ends by itself when its client takes too long."""

    rfile: Any
    path: str
    deadline = inf
    has_begun = False
    is_late = False
    _is_answering = False
    _lingers = False
    _served = 0
    _fields = Fields(b"", "", False, False, False)

    def setup(self) -> None:
        """Begin to be watched."""
        super().setup()
        self._all: Connections = self.server.connections
        self._all.open.add(self)

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

    def get_environ(self) -> dict[str, Any]:
        """The environment of a request, with the connection that it came on."""
        fields = self._fields
        if not fields.environ:
            found: dict[str, Any] = super().get_environ()
            fields.environ = {name: found[name] for name in found if name not in _OF_ONE_REQUEST}
        path, mark, query = self.path.partition("?")
        environ = fields.environ.copy()
        environ["REQUEST_METHOD"] = self.command
        environ["RAW_PATH_INFO"] = path
        environ["PATH_INFO"] = unquote(path, encoding="latin1") if "%" in path else path
        if mark:
            environ["QUERY_STRING"] = query
        environ["wsgi.input"] = environ["eventlet.input"] = self._body_of(environ)
        environ[CONNECTION] = self
        self._served += 1
        if self._served >= self._all.limits.requests:
            self.hang_up()
        return environ

    def _body_of(self, environ: dict[str, Any]) -> Input:
        is_chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        length = None if is_chunked else environ.get("CONTENT_LENGTH", "0")
        asks_first = environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        if asks_first and self.request_version != "HTTP/1.0":  # which knows no "100 Continue"
            return Input(
                self.rfile, length, self.connection, self.wfile, b"HTTP/1.1 100 Continue\r\n", is_chunked
            )
        return Input(self.rfile, length, self.connection, chunked_input=is_chunked)

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
            return self.send_error(500)
        self.connection.sendall(data)
        if not self.close_connection and not is_read(body):
            try:
                body.discard()
            except (ChunkReadError, OSError):
                self.close_connection = True

    def _last_line(self) -> str:
        if self.close_connection:
            return _ENDS
        return _GOES_ON if self._fields.says_so else ""

    def hang_up(self) -> None:
        """Close the connection after this answer."""
        self.close_connection = True
        self._lingers = True

    def answering(self, has_whole_body: bool = True) -> None:
        """The answer is there: now it is the client's turn to take it, or to send what nobody reads."""
        self._is_answering = True
        limits = self._all.limits
        self.deadline = monotonic() + (limits.answer if has_whole_body else limits.body)

    def expire(self, now: float) -> None:
        """End what the client takes too long for; whoever reads or writes here notices."""
        self.deadline = now + self._all.limits.answer
        if self._is_answering:
            _shut(self.connection, socket.SHUT_RDWR)
        elif not self.has_begun or not self._has_whole_body():
            self.is_late = True
            self.leave()

    def leave(self) -> None:
        """Read nothing more; what has arrived is answered."""
        _shut(self.connection, socket.SHUT_RD)

    def parse_request(self) -> bool:
        """Read the head of a request; False if it was refused."""
        self.command, self.request_version, self.close_connection = "", "HTTP/1.0", True
        if not self.raw_requestline.strip():
            return False  # an empty line after a body, as some clients send it
        try:
            refusal = self._read_head()
        except Malformed:
            refusal = 400
        except (HeaderLineTooLong, HeadersTooLarge):
            refusal = 431
        except (Incomplete, TimeoutError):
            return self._give_up()
        if refusal:
            return self._refuse(refusal)
        self._head_is_complete()
        return True

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
        self.headers = read_fields(head)
        if version >= "HTTP/2":
            return 505
        path = origin_form(target, self.headers, self.command)
        if path is None or not is_sound(self.headers, version):
            return 400
        self.path = path
        is_known = target[0] == "/" and len(head.raw) <= _LONGEST_REMEMBERED
        self._fields = Fields(
            head.raw, version if is_known else "", stays_open(self.headers, version),
            says_keep_alive(self.headers), has_body(self.headers),
        )  # fmt: skip
        return 0

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what can't be read as HTTP; Python's own answer is a page with its version."""
        request_id = uuid.uuid4().hex
        response = problems.from_http(default_exceptions.get(code, BadRequest)(), "", request_id)
        answer = Answer.of(response, {})
        answer.complete(request_id, self.server.every_answer, {})
        self.answering()
        metrics.HTTP_REQUESTS.labels("other", "*", code).inc()
        log.info("http_refused", status=code, client=self.client_address[0], request_id=request_id)
        self.wfile.write(answer.to_bytes(_ENDS))
        self.hang_up()

    def _read_request_line(self) -> bytes:
        self._wait()
        try:
            if not self.rfile.peek(1):
                return b""
            self.has_begun = True
            self.deadline = monotonic() + self._all.limits.head
            line: bytes = self.rfile.readline(self.server.url_length_limit)
        except OSError:
            return b""
        if line.endswith(b"\n"):
            return line
        if len(line) >= self.server.url_length_limit:
            self._refuse(414)
        else:
            self._give_up()
        return b""

    def _wait(self) -> None:
        self._is_answering = self.has_begun = False
        self.deadline = monotonic() + self._all.limits.idle
        self._all.waiting[self] = None

    def _head_is_complete(self) -> None:
        self._all.waiting.pop(self, None)
        self.deadline = monotonic() + self._all.limits.body if self._fields.has_body else inf

    def _has_whole_body(self) -> bool:
        return self not in self._all.waiting and is_read(self.environ["eventlet.input"])

    def _give_up(self) -> bool:
        if self.is_late:
            return self._refuse(408)
        self.close_connection = True
        return False

    def _refuse(self, status: int) -> bool:
        self.send_error(status)
        return False

    def finish(self) -> None:
        """Close; who is still sending gets the time to see the answer, which a reset would take away."""
        self._all.waiting.pop(self, None)
        try:
            if self.server.is_secure:
                self._say_farewell()
            if self._lingers:
                self._linger()
            super().finish()
        finally:
            # What could not be written raises again, before all is closed that keeps the descriptor open.
            for file in (self.wfile, self.rfile, self.connection):
                with contextlib.suppress(OSError):
                    file.close()
            self._all.open.discard(self)

    def _say_farewell(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.flush()
            part(self.connection)

    def _linger(self) -> None:
        try:
            self.wfile.flush()
            _shut(self.connection, socket.SHUT_WR)
            with eventlet.Timeout(_LINGER_SECONDS, False):
                while self.connection.recv(_READ_BYTES):
                    eventlet.sleep(0)
        except OSError:
            pass


def _shut(sock: Any, how: int) -> None:
    # The system's own call: that of a TLS connection would end its encryption with it.
    with contextlib.suppress(OSError):
        _Socket.shutdown(sock.fd if isinstance(sock, GreenSocket) else sock, how)
