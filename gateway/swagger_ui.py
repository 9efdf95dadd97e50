"""Swagger UI, served from the installed package: the page and its assets. Nothing from elsewhere."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from werkzeug.wrappers import Response

from common.errors import NotFound
from common.request import JSON, Request
from gateway.files import TYPES, answer

ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "initializer.js")
"""What the page loads, by name: all but the initializer are the package's."""

_PAGES = Path(__file__).parent / "pages"
_PACKAGE = "swagger_ui"
_KEPT_FOR_AN_HOUR = "public, max-age=3600"
_KEPT_FOR_MINUTES = "public, max-age=300"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles on its elements; its scripts are files, and it talks to this address only."""


def page(request: Request) -> Response:
    """The page itself."""
    found = answer(request, _content(_PAGES / "docs.html"), TYPES[".html"])
    found.headers["Content-Security-Policy"] = _POLICY
    return found


def asset(request: Request, name: str) -> Response:
    """One of the page's files; NotFound for any other name."""
    if name not in ASSETS:
        raise NotFound("no_such_route", "There is nothing at this path.")
    source = _PAGES / "docs.js" if name == "initializer.js" else _package_folder() / name
    return answer(request, _content(source), TYPES[source.suffix], _KEPT_FOR_AN_HOUR)


def document(request: Request, name: str) -> Response:
    """A document of the API, as ``python -m ops.openapi`` has written it."""
    return answer(request, _content(Path(__file__).parent / name), JSON, _KEPT_FOR_MINUTES)


@cache
def _package_folder() -> Path:
    # Found, not imported: the files are all that is wanted of the package.
    package = find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise RuntimeError(f"the package {_PACKAGE} is not installed: see requirements.txt")
    return Path(package.submodule_search_locations[0]) / "static"


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()
