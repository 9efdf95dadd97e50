"""Files sent to browsers: with their type, an entity tag, and how long they may be kept."""

import hashlib
from functools import cache
from typing import NamedTuple

from eventlet import tpool
from werkzeug.wrappers import Response

from common.compression import SMALLEST_BYTES, accepts_gzip, is_worth_it, pack
from common.request import Request

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
"""By the end of a file's name."""
_LEVEL = 9
ASK_AGAIN = "no-cache"
"""A browser may keep it, and asks each time whether it is still the current one."""


class _Variant(NamedTuple):
    """A file's bytes as they are sent in one encoding, and their entity tag."""

    content: bytes
    tag: str


def answer(request: Request, content: bytes, content_type: str, caching: str = ASK_AGAIN) -> Response:
    """The content, compressed for who takes it so, or 304 for who has it."""
    plain, packed = _variants(content, is_worth_it(content_type))
    sent = packed if packed and accepts_gzip(request) else plain
    response = Response(sent.content, content_type=content_type, headers={"Cache-Control": caching})
    response.set_etag(sent.tag)
    if packed:
        response.vary.add("Accept-Encoding")
    if sent is packed:
        response.headers["Content-Encoding"] = "gzip"
    return response.make_conditional(request)


@cache
def _variants(content: bytes, is_compressible: bool) -> tuple[_Variant, _Variant | None]:
    # Compressed once, and not in the hub's time: the largest takes it 50 ms.
    found: tuple[_Variant, _Variant | None] = tpool.execute(_make, content, is_compressible)
    return found


def _make(content: bytes, is_compressible: bool) -> tuple[_Variant, _Variant | None]:
    is_large = len(content) >= SMALLEST_BYTES
    packed = _variant(pack(content, _LEVEL)) if is_compressible and is_large else None
    return _variant(content), packed


def _variant(content: bytes) -> _Variant:
    return _Variant(content, hashlib.sha256(content).hexdigest()[:32])
