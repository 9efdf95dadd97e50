"""Swagger UI, served from the installed package: the page and its assets. Nothing from elsewhere."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from eventlet import tpool
from werkzeug.wrappers import Response

from common.compression import SMALLEST_BYTES, accepts_gzip, is_worth_it, pack
from common.errors import NotFound
from common.request import JSON, Request

ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
    "initializer.js": "text/javascript; charset=utf-8",
}
"""What the page loads, by name: all but the initializer are the package's."""

_PAGES = Path(__file__).parent / "pages"
_PACKAGE = "swagger_ui"
_LEVEL = 9
_KEPT_FOR_AN_HOUR = "public, max-age=3600"
_KEPT_FOR_MINUTES = "public, max-age=300"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles on its elements; its scripts are files, and it talks to this address only."""


class _Variant(NamedTuple):
    """A file's bytes as they are sent in one encoding, and their entity tag."""

    content: bytes
    tag: str


def page(request: Request) -> Response:
    """The page itself."""
    found = _answer(request, _PAGES / "docs.html", "text/html; charset=utf-8", "no-cache")
    found.headers["Content-Security-Policy"] = _POLICY
    return found


def asset(request: Request, name: str) -> Response:
    """One of the page's files; NotFound for any other name."""
    if name not in ASSETS:
        raise NotFound("no_such_route", "There is nothing at this path.")
    source = _PAGES / "docs.js" if name == "initializer.js" else _package_folder() / name
    return _answer(request, source, ASSETS[name], _KEPT_FOR_AN_HOUR)


def document(request: Request, name: str) -> Response:
    """A document of the API, as ``python -m ops.openapi`` has written it."""
    return _answer(request, Path(__file__).parent / name, JSON, _KEPT_FOR_MINUTES)


@cache
def _package_folder() -> Path:
    # Found, not imported: the files are all that is wanted of the package.
    package = find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise RuntimeError(f"the package {_PACKAGE} is not installed: see requirements.txt")
    return Path(package.submodule_search_locations[0]) / "static"


def _answer(request: Request, source: Path, content_type: str, caching: str) -> Response:
    plain, packed = _variants(source, is_worth_it(content_type))
    sent = packed if packed and accepts_gzip(request) else plain
    response = Response(sent.content, content_type=content_type, headers={"Cache-Control": caching})
    response.set_etag(sent.tag)
    if packed:
        response.vary.add("Accept-Encoding")
    if sent is packed:
        response.headers["Content-Encoding"] = "gzip"
    return response.make_conditional(request)


@cache
def _variants(source: Path, is_compressible: bool) -> tuple[_Variant, _Variant | None]:
    # Read and compressed once, and not in the hub's time: the largest takes it 50 ms.
    found: tuple[_Variant, _Variant | None] = tpool.execute(_read, source, is_compressible)
    return found


def _read(source: Path, is_compressible: bool) -> tuple[_Variant, _Variant | None]:
    content = source.read_bytes()
    is_large = len(content) >= SMALLEST_BYTES
    packed = _variant(pack(content, _LEVEL)) if is_compressible and is_large else None
    return _variant(content), packed


def _variant(content: bytes) -> _Variant:
    return _Variant(content, hashlib.sha256(content).hexdigest()[:32])
