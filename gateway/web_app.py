"""The web app, served from ``gateway/web/``: its page, and the files that this loads. Nothing from elsewhere.

The files' addresses begin with a digest of all of them, and each names the others relative to its own. So
a browser may keep them for good, and never runs those of two versions together.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from werkzeug.wrappers import Response

from common.errors import NotFound
from common.request import JSON, Request
from gateway.files import ASK_AGAIN, TYPES, answer

_FOLDER = Path(__file__).parent / "web"
FILES = {
    path.relative_to(_FOLDER).as_posix(): path.read_bytes()
    for path in sorted(_FOLDER.glob("*/*"))
    if path.suffix in TYPES
}
"""What can be asked for, by folder and name; read once, so that no path from outside meets the disk."""
VERSION = hashlib.sha256(b"".join(name.encode() + FILES[name] for name in FILES)).hexdigest()[:12]
_PAGE = (_FOLDER / "index.html").read_bytes().replace(b"{{ version }}", VERSION.encode())

_FOR_GOOD = "public, max-age=31536000, immutable"
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Own files only; and no text can become markup or script, for that takes a policy, and none may be made."""
_FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'; sandbox allow-same-origin"
)
"""The empty page in which the app shows a mail: it has the mail's own styles, and runs nothing."""


def wants_page(request: Request) -> bool:
    """Whether it is a browser that asks, or who else likes a page better than JSON."""
    return request.accept_mimetypes.best_match([JSON, "text/html"]) == "text/html"


class WebPage(DependencyProvider):
    """Injects the app's one page, as a function of the request. Its script says which part is shown."""

    def setup(self) -> None:
        """Write into it what its script has to know of the settings."""
        self._content = page_for(self.container.config["OTEL"])

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Request], Response]:
        """``page(request)``."""
        return self.answer

    def answer(self, request: Request) -> Response:
        """The page, with the policy that it is shown by."""
        found = answer(request, self._content, TYPES[".html"])
        found.headers["Content-Security-Policy"] = _PAGE_POLICY
        found.vary.add("Accept")
        return found


def page_for(traces: dict[str, Any]) -> bytes:
    """The page's bytes; its script decides as the gateway would which of its traces are recorded."""
    share = float(traces["share"]) if traces["endpoint"] else 0.0
    return _PAGE.replace(b"{{ traces }}", f"{share:g}".encode())


def asset(request: Request, version: str, folder: str, name: str) -> Response:
    """One of the app's files; NotFound for any other name. An old version's address has the present file."""
    wanted = f"{folder}/{name}"
    if wanted not in FILES:
        raise NotFound("no_such_route", "There is nothing at this path.")
    suffix = Path(name).suffix
    caching = _FOR_GOOD if version == VERSION else ASK_AGAIN
    found = answer(request, FILES[wanted], TYPES[suffix], caching)
    if suffix == ".html":
        found.headers["Content-Security-Policy"] = _FRAME_POLICY
        found.headers["X-Frame-Options"] = "SAMEORIGIN"
    return found
