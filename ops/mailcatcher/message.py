"""A mail's readable parts. Whatever arrives is shown as well as it can be."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_FIELD = rb"([!-9;-~]+):([\t -~]*(?:\r\n[\t ][\t -~]*)*)\r\n"
_USUAL_HEADERS = re.compile(rb"(?:" + _FIELD + rb")*\r\n")
_USUAL_HEADER = re.compile(_FIELD.decode())


@dataclass(frozen=True)
class Content:
    """Headers and the first part of each kind, decoded."""

    headers: dict[str, str]
    text: str | None
    html: str | None

    def header(self, name: str) -> str:
        """A header's value by its name in any case, or nothing."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


def read_content(raw: bytes) -> Content:
    """Takes a mail apart."""
    message = message_from_bytes(raw)
    headers: dict[str, str] = {}
    for name, value in message.items():
        decoded = _decode_header(value)
        headers[name] = f"{headers[name]}, {decoded}" if name in headers else decoded
    return Content(headers, _part(message, "text/plain"), _part(message, "text/html"))


def read_headers(raw: bytes, *names: str) -> list[str]:
    """Headers by their names in small letters, decoded; nothing in place of one that is not there."""
    usual = _USUAL_HEADERS.match(raw)
    if usual is None:
        return _read_odd_headers(raw, *names)
    found: dict[str, list[str]] = {name: [] for name in names}
    for name, value in _USUAL_HEADER.findall(usual[0].decode("ascii")):
        if (wanted := found.get(name.lower())) is not None:
            wanted.append(_decode_header(value.lstrip(" \t")))
    return [", ".join(found[name]) for name in names]


def _read_odd_headers(raw: bytes, *names: str) -> list[str]:
    """What is not all ASCII, or has a line that is no header, is left to the library."""
    end = _END_OF_HEADERS.search(raw)
    message = BytesHeaderParser().parsebytes(raw[: end.end()] if end else raw)
    return [", ".join(map(_decode_header, message.get_all(name, ()))) for name in names]


def _decode_header(value: object) -> str:
    """An encoded word that does not decode is shown as it came."""
    if isinstance(value, str) and value.isascii() and "=?" not in value:
        return " ".join(value.split())
    try:
        decoded = str(make_header(decode_header(str(value))))
    except (LookupError, ValueError, MessageError):
        decoded = str(value)
    printable = decoded.encode("utf-8", "replace").decode()
    return " ".join(printable.split())


def _part(message: Message, content_type: str) -> str | None:
    for part in message.walk():
        if part.get_content_type() == content_type and not part.get_filename():
            return _decode_payload(part)
    return None


def _decode_payload(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        text = payload.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        text = payload.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")
