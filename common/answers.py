"""An answer on its way out: plain values, from which the bytes are made once, when all is known.

Most answers are of this kind from the beginning; what a page gives as a werkzeug response becomes one. A
dozen headers looked up, copied and checked by three layers took an eighth of a request's time.
"""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol

from eventlet.wsgi import format_date_time
from werkzeug.wrappers import Response

_BODYLESS = frozenset((*range(100, 200), 204, 304))
_STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}


class Headers(Protocol):
    """Names and values; both a dictionary and werkzeug's headers will do."""

    def __contains__(self, name: Any) -> bool: ...
    def __getitem__(self, name: str) -> str: ...
    def __setitem__(self, name: str, value: str) -> None: ...
    def get(self, name: str, /) -> str | None:
        """The value, or None."""


class Showable(Protocol):
    """An answer as far as it may be looked at and changed before it is sent."""

    status_code: int

    @property
    def headers(self) -> Headers:
        """As they are so far."""

    def get_data(self) -> bytes:
        """The body."""

    def set_data(self, value: bytes) -> None:
        """Another body."""


class Answer:
    """A status, headers by their names as they are written, and a body, whose length is told by itself.

    ``sent`` is called when it is written: what can wait until then does not keep the client waiting.
    """

    __slots__ = ("_body", "headers", "sent", "status_code")

    def __init__(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.status_code = status
        self.headers = headers
        self._body = body
        self.sent: Callable[[], None] = _nothing

    @classmethod
    def of(cls, response: Response, environ: dict[str, Any]) -> "Answer":
        """What a werkzeug response says."""
        headers = dict(response.get_wsgi_headers(environ))
        headers.pop("Content-Length", None)
        return cls(response.status_code, headers, response.get_data())

    def get_data(self) -> bytes:
        """The body."""
        return self._body

    def set_data(self, value: bytes) -> None:
        """Another body."""
        self._body = value

    def complete(self, request_id: str, every_answer: Mapping[str, str], more: Mapping[str, str]) -> None:
        """Add what every answer carries that this one has not set itself, and ``more``."""
        self.headers = {**every_answer, **self.headers, **more, "X-Request-ID": request_id}

    def to_bytes(self, last: str, is_head: bool = False) -> bytes:
        """All of it as it is sent, after its headers the ``last`` line; to HEAD and by some statuses no body.

        ValueError for a header that would be read as two.
        """
        headers, body = self.headers, self._body
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        if "Date" not in headers:
            lines.append(_date_line(int(time.time())))
        if self.status_code in _BODYLESS:
            body = b""
        else:
            lines.append(f"Content-Length: {len(body)}\r\n")
        text = "".join(lines)
        if text.count("\n") != len(lines) or text.count("\r") != len(lines):
            raise ValueError("a header holds the end of a line")
        head = f"{_STATUS_LINES[self.status_code]}{text}{last}\r\n".encode("latin-1")
        return head if is_head else head + body


def vary_by(headers: Headers, name: str) -> None:
    """Say that the answer depends on that header of the request too."""
    headers["Vary"] = f"{headers['Vary']}, {name}" if "Vary" in headers else name


def _nothing() -> None:
    pass


@lru_cache(1)
def _date_line(second: int) -> str:
    return f"Date: {format_date_time(second)}\r\n"
