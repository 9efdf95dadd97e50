"""One client's connection: what every answer on it carries, and how it ends.

eventlet answers what is no HTTP with a page of Python's and what is too long with an empty one, ignores
an answer's ``Connection: close``, and reads on without limit when an answer was given before the body had
come.
"""

import socket
import uuid
from typing import Any

import eventlet
from eventlet.wsgi import HeaderLineTooLong, HeadersTooLarge, HttpProtocol
from werkzeug.exceptions import BadRequest, default_exceptions
from werkzeug.wrappers import Response

from common import problems

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""As the OWASP REST cheat sheet asks; an answer that sets one itself keeps its own."""
HANG_UP = "suite.hang_up"
_LINGER_SECONDS = 2
_READ_BYTES = 65536


def complete(response: Response, request_id: str, more: dict[str, str] | None = None) -> None:
    """Add what every answer carries, and ``more`` that this one does."""
    response.headers["X-Request-ID"] = request_id
    response.headers.update(more or {})
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


class Connection(HttpProtocol):
    """A connection that an answer can end: ``environ[HANG_UP]()`` before the answer is sent."""

    _lingers = False

    def get_environ(self) -> dict[str, Any]:
        """The environment of a request, with the way to end its connection."""
        return {**super().get_environ(), HANG_UP: self.hang_up}

    def hang_up(self) -> None:
        """Close the connection after this answer."""
        self.close_connection = True
        self._lingers = True

    def parse_request(self) -> bool:
        """Read the head of a request; False if it was refused."""
        try:
            return bool(super().parse_request())
        except (HeaderLineTooLong, HeadersTooLarge):
            self._refuse(431)
            return False

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what can't be read as HTTP; Python's own answer is a page with its version."""
        request_id = uuid.uuid4().hex
        response = problems.from_http(default_exceptions.get(code, BadRequest)(), "", request_id)
        complete(response, request_id)
        response.headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in response.headers)]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + response.get_data())
        self.close_connection = True

    def _read_request_line(self) -> bytes | str:
        line: bytes | str = super()._read_request_line()
        if len(line) < self.server.url_length_limit:
            return line
        self._refuse(414)
        return b""

    def _refuse(self, status: int) -> None:
        self.send_error(status)
        self.hang_up()

    def finish(self) -> None:
        """Close; who is still sending gets the time to see the answer, which a reset would take away."""
        if self._lingers:
            self._linger()
        super().finish()

    def _linger(self) -> None:
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            with eventlet.Timeout(_LINGER_SECONDS, False):
                while self.connection.recv(_READ_BYTES):
                    eventlet.sleep(0)
        except OSError:
            pass
