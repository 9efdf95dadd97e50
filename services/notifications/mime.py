"""A mail as bytes: headers, a text part and an HTML part, all in ASCII with short lines.

The standard library's ``EmailMessage`` parses each header into a tree and writes each body in Python; that
was half of what a mail cost. Here a header is a line if it can be one, and encoded words (RFC 2047) if it
can't; nothing that holds a line break or another control character becomes a header. The bodies are
quoted-printable, which passes every server, also one without 8BITMIME.
"""

import base64
import binascii
import re
import textwrap
from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE, _LONGEST_LINE = 76, 998
_BYTES_IN_A_WORD = 42
# No line of quoted-printable has "=_" in it, so no body can hold the boundary.
_BOUNDARY = "=_part_of_a_mail"
_HEADING = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n'
_PART = (
    f"--{_BOUNDARY}\r\n"
    'Content-Type: text/{}; charset="utf-8"\r\n'
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)  # fmt: skip
_END = f"--{_BOUNDARY}--\r\n".encode()
_PLAIN_PART, _HTML_PART = _PART.format("plain").encode(), _PART.format("html").encode()


class BadHeader(ValueError):
    """A name or a value that no header can have."""


def message(headers: Iterable[bytes], text: str, html: str) -> bytes:
    """The mail with these header lines (of :func:`line`, :func:`words` or :func:`whole`)."""
    parts = (*headers, _HEADING.encode(), b"\r\n", _PLAIN_PART, _body(text), _HTML_PART, _body(html), _END)
    return b"".join(parts)


def words(name: str, value: str) -> bytes:
    """A header of free text: its words on lines of some 76 characters, encoded where they have to be."""
    _check(name, value)
    if not value.isascii() or "=?" in value:
        return f"{name}: {_encoded(value)}\r\n".encode()
    if len(name) + len(value) + 2 <= _LINE:
        return f"{name}: {value}\r\n".encode()
    lines = textwrap.wrap(
        value, _LINE, initial_indent=f"{name}: ", subsequent_indent=" ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    is_whole = all(len(one) <= _LONGEST_LINE and one.strip() != f"{name}:" for one in lines)
    folded = "\r\n".join(lines) if is_whole else f"{name}: {_encoded(value)}"
    return f"{folded}\r\n".encode()


def whole(name: str, value: str) -> bytes:
    """A header that stands on one line as it is, in UTF-8 if it goes beyond ASCII."""
    _check(name, value)
    if len(value) > _LONGEST_LINE:
        raise BadHeader(f"the header {name} is too long for a line")
    return f"{name}: {value}\r\n".encode()


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or _CONTROL.search(value):
        raise BadHeader(f"not a header: {name!r}")


def _encoded(value: str) -> str:
    """Encoded words, each of whole characters and at most 75 long; readers drop the space between them."""
    chunks: list[str] = [""]
    size = 0
    for character in value:
        size += len(character.encode())
        if size > _BYTES_IN_A_WORD:
            chunks.append("")
            size = len(character.encode())
        chunks[-1] += character
    encoded = (base64.b64encode(chunk.encode()).decode() for chunk in chunks)
    return "\r\n ".join(f"=?utf-8?b?{one}?=" for one in encoded)


def _body(text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    written = binascii.b2a_qp(lines.encode(), istext=True, header=False).replace(b"\n", b"\r\n")
    return written + b"\r\n"  # the last line break is the boundary's (RFC 2046, 5.1.1)
