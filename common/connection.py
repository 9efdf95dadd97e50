"""One client's connection: what every answer on it carries, and how it ends.

eventlet answers what is no HTTP with a page of Python's and what is too long with an empty one, ignores
an answer's ``Connection: close``, waits for ever for a client that sends a byte now and then, and reads on
without limit when an answer was given before the body had come.
"""

import contextlib
import io
import socket
from math import inf
from time import monotonic
from typing import Any

import eventlet
from eventlet.wsgi import HeaderLineTooLong, HeadersTooLarge
from werkzeug.exceptions import BadRequest, default_exceptions

from common import metrics, problems
from common.connections import Connections
from common.exchange import ENDS, Exchange
from common.framing import Incomplete, Malformed, is_read
from common.ids import new_id
from common.incoming import Incoming, Secured
from common.logging import get_logger

log = get_logger()

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""As the OWASP REST cheat sheet asks; an answer that sets one itself keeps its own."""
_LINGER_SECONDS = 2


class Connection(Exchange):
    """A connection that an answer can end, and that ends by itself when its client takes too long."""

    deadline = inf
    has_begun = False
    is_late = False
    _is_answering = False
    _is_leaving = False
    _lingers = False
    _served = 0

    def setup(self) -> None:
        """Begin to be watched."""
        super().setup()
        self._incoming = (Secured if self.server.is_secure else Incoming)(self.connection)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._incoming)
        self._all: Connections = self.server.connections
        self._all.open.add(self)

    def get_environ(self) -> dict[str, Any]:
        """The environment of a request; the last that this connection carries ends it."""
        environ = super().get_environ()
        self._served += 1
        if self._served >= self._all.limits.requests or self._is_leaving:
            self.hang_up()
        return environ

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
            self._incoming.end(at_once=True)
            self._incoming.shut(socket.SHUT_RDWR)
        elif not self.has_begun or not self._has_whole_body():
            self.is_late = True
            self._incoming.end(at_once=True)

    def leave(self) -> None:
        """Read nothing more; what has arrived is answered, which is the last answer."""
        self._is_leaving = self.close_connection = True
        self._incoming.end(at_once=False)

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
        except Incomplete:
            return self._give_up()
        if refusal:
            return self._refuse(refusal)
        self._head_is_complete()
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what can't be read as HTTP; Python's own answer is a page with its version."""
        request_id = new_id()
        answer = problems.from_http(default_exceptions.get(code, BadRequest)(), "", request_id)
        answer.complete(request_id, self.server.every_answer, {})
        self.answering()
        metrics.HTTP_REQUESTS.labels("other", "*", code).inc()
        log.info("http_refused", status=code, client=self.client_address[0], request_id=request_id)
        self.wfile.write(answer.to_bytes(ENDS))
        self.hang_up()

    def _read_request_line(self) -> bytes:
        self._wait()
        try:
            if not self.rfile.peek(1):
                return b""
            self.has_begun = True
            if self._incoming.is_early:  # it has come with the one before: nobody had a turn in between
                eventlet.sleep(0)
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
        self._incoming.is_early = True

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
            self._incoming.release()
            super().finish()
        finally:
            self._incoming.release()
            # What could not be written raises again, before all is closed that keeps the descriptor open.
            for file in (self.wfile, self.rfile, self.connection):
                with contextlib.suppress(OSError):
                    file.close()
            self._all.open.discard(self)

    def _say_farewell(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.part()

    def _linger(self) -> None:
        try:
            self.wfile.flush()
            self._incoming.shut(socket.SHUT_WR)
            with eventlet.Timeout(_LINGER_SECONDS, False):
                while self._incoming.pass_over():
                    eventlet.sleep(0)
        except OSError:
            pass
