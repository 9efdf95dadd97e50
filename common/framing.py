"""The head of a request, read strictly (RFC 9112): what two servers in a row may read differently is how
requests are smuggled past the first.
"""

import re
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from eventlet.wsgi import MAX_HEADER_LINE, MAX_TOTAL_HEADER_SIZE, HeaderLineTooLong, HeadersTooLarge

_LONGEST_LENGTH = 1000
"""Digits of a Content-Length; what has more is no length of anything."""
TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
"""What a word of HTTP's own is made of (RFC 9110, section 5.6.2)."""
_REQUEST_LINE = re.compile(rf"({TOKEN}+) (\S+) (HTTP/([0-9])\.[0-9])\r?\n")
_FIELD = re.compile(rf"({TOKEN}+):([^\r\n\0]*)\r?\n")
_BLANKS = " \t"
_MOST_LINES = 128
"""Of headers; each costs far more than its bytes."""
Pairs = list[tuple[str, str]]
"""Header fields in their order: name and value."""
Values = dict[str, list[str]]
"""The values of each field, by its name in small letters."""


class Incomplete(Exception):
    """The client was gone, or too slow, before the end of the headers."""


class Head:
    """Reads the lines of the headers; Python takes an end in the middle of them for their end."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines
        self._size = 0
        self._read: list[bytes] = []

    def readline(self, size: int = -1) -> bytes:
        """One line, whole."""
        line: bytes = self._lines.readline(MAX_HEADER_LINE)
        if not line.endswith(b"\n"):
            raise HeaderLineTooLong() if len(line) >= MAX_HEADER_LINE else Incomplete()
        self._size += len(line)
        if self._size > MAX_TOTAL_HEADER_SIZE or len(self._read) >= _MOST_LINES:
            raise HeadersTooLarge()
        self._read.append(line)
        return line

    @property
    def raw(self) -> bytes:
        """All lines so far."""
        return b"".join(self._read)


class Malformed(Exception):
    """What was read is no head of a request."""


def read_request_line(raw: bytes) -> tuple[str, str, str]:
    """Method, target and version (RFC 9112, section 3); Malformed for what is not these three."""
    match = _REQUEST_LINE.fullmatch(raw.decode("latin-1"))
    if match is None:
        raise Malformed()
    return match[1], match[2], match[3]


def read_fields(head: Head) -> Pairs:
    """The header fields. Python reads them as those of a mail, which is slower, and more lenient.

    Malformed for a line that is no field: folded, without a colon, with a blank before it, half ended.
    """
    pairs = []
    while (line := head.readline()) not in (b"\r\n", b"\n"):
        match = _FIELD.fullmatch(line.decode("latin-1"))
        if match is None:
            raise Malformed()
        pairs.append((match[1], match[2].strip(_BLANKS)))
    return pairs


def values_of(pairs: Pairs) -> Values:
    """The values by the names."""
    values: Values = {}
    for name, value in pairs:
        values.setdefault(name.lower(), []).append(value)
    return values


def is_sound(values: Values, version: str) -> bool:
    """Whether host and length of a request can be read in one way only."""
    hosts = len(values.get("host", ()))
    if hosts > 1 or (hosts == 0 and version != "HTTP/1.0"):
        return False
    return _is_one_length(values.get("content-length", []), values.get("transfer-encoding", []), version)


def _is_one_length(lengths: list[str], codings: list[str], version: str) -> bool:
    if codings:
        return not lengths and version != "HTTP/1.0" and [text.lower() for text in codings] == ["chunked"]
    if not lengths:
        return True
    given = lengths[0]
    return len(lengths) == 1 and given.isascii() and given.isdigit() and len(given) <= _LONGEST_LENGTH


def origin_form(target: str, method: str) -> tuple[str, str] | None:
    """The path and query of a request's target, and the host that it names; None if it is no target.

    A client that takes this for a proxy sends a whole address; its host then counts, not the header's.
    """
    if target.startswith("/") or (target == "*" and method == "OPTIONS"):
        return target, ""
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), parts.netloc


def is_text(target: str) -> bool:
    """Whether a target's bytes, escaped or not, are UTF-8: else two readers see different names in it."""
    if target.isascii() and "%" not in target:
        return True
    try:
        unquote_to_bytes(target.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def connection_options(values: Values) -> set[str]:
    """What the client says of the connection."""
    said = values.get("connection", ())
    return {option.strip().lower() for text in said for option in text.split(",")}


def stays_open(options: set[str], version: str) -> bool:
    """Whether the client wants the connection for more (RFC 9112, section 9.3)."""
    return "close" not in options and (version != "HTTP/1.0" or "keep-alive" in options)


def has_body(values: Values) -> bool:
    """Whether a body follows."""
    lengths = values.get("content-length")
    return "transfer-encoding" in values or bool(lengths and lengths[0].strip("0"))


def is_read(body: Any) -> bool:
    """Whether an ``eventlet.wsgi.Input``, or a body in chunks, has come to its end."""
    if body.chunked_input:
        return bool(body.is_over)
    return bool(body.position >= (body.content_length or 0))
