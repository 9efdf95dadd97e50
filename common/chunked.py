"""A body in chunks, read strictly (RFC 9112, section 7.1): where two servers in a row see its end in
different places, a request can be smuggled past the first.

eventlet takes for a size what Python takes for a number, reads lines without end, and passes over what stands
between a chunk and the next.
"""

import re
from typing import Any

from eventlet.wsgi import HeaderLineTooLong, HeadersTooLarge

from common.framing import TOKEN, Head, Incomplete, Malformed, read_fields

_LONGEST_LINE = 4096
_MOST_EXTENSIONS = 16384
"""Bytes of all extensions of a body: nobody reads them, so they must not be the better part of it."""
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_EXTENSION = rf"[ \t]*+;[ \t]*+{TOKEN}+(?:[ \t]*+=[ \t]*+(?:{TOKEN}+|{_QUOTED}))?"
_SIZE = re.compile(rf"([0-9A-Fa-f]{{1,16}})((?:{_EXTENSION})*+)\r\n".encode("latin-1"))
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class BrokenBody(ValueError):
    """What was read is no body in chunks."""


class Chunked:
    """The body that follows in ``lines``; what it has of ``eventlet.wsgi.Input`` is what is asked of both.

    With a ``wfile`` the client waits to be told to go on.
    """

    chunked_input = True

    def __init__(self, lines: Any, wfile: Any = None) -> None:
        self._lines, self._wfile = lines, wfile
        self._left = self._extensions = 0
        self.is_over = False
        self.headers_sent = False
        self._fault: Exception | None = None

    @property
    def should_send_hundred_continue(self) -> bool:
        """Whether the client still waits."""
        return self._wfile is not None

    def read(self, size: int) -> bytes:
        """As many bytes, or as many as there are; BrokenBody or, where its end is missing, ConnectionError.

        What follows a fault is no body any more, so it raises ever after.
        """
        self._let_go_on()
        found = bytearray()
        try:
            while len(found) < size and self._has_more():
                found += self._take(min(self._left, size - len(found)))
        except (Malformed, HeaderLineTooLong, HeadersTooLarge):
            self._fault = BrokenBody("this is no body in chunks")
        except (Incomplete, OSError):
            self._fault = ConnectionError("the body ends before its last chunk")
        if self._fault is not None:
            raise self._fault
        return bytes(found)

    def _let_go_on(self) -> None:
        wfile, self._wfile = self._wfile, None
        if wfile is not None and not self.headers_sent:
            wfile.write(_GO_ON)
            wfile.flush()

    def _has_more(self) -> bool:
        """Whether there is data; the line before it is read, or what comes after the last."""
        if self._fault is None and not self._left and not self.is_over:
            self._left = self._read_size()
            if not self._left:
                self._pass_trailers()
                self.is_over = True
        return self._left > 0

    def _take(self, size: int) -> bytes:
        data: bytes = self._lines.read(size)
        self._left -= len(data)
        if len(data) < size:
            raise Incomplete()
        if not self._left and (end := self._lines.read(2)) != b"\r\n":
            raise Malformed() if len(end) == 2 else Incomplete()
        return data

    def _read_size(self) -> int:
        line: bytes = self._lines.readline(_LONGEST_LINE)
        match = _SIZE.fullmatch(line)
        if match is None:
            is_cut = len(line) < _LONGEST_LINE and not line.endswith(b"\n")
            raise Incomplete() if is_cut else Malformed()
        self._extensions += len(match[2])
        if self._extensions > _MOST_EXTENSIONS:
            raise Malformed()
        return int(match[1], 16)

    def _pass_trailers(self) -> None:
        head = Head(self._lines)
        read_fields(head)
        if head.raw.count(b"\n") != head.raw.count(b"\r\n"):
            raise Malformed()
