"""Which web pages may read the answers: cross-origin resource sharing, as the Fetch standard has it.

Origins are named in ``CORS_ORIGINS``. A named one may send credentials; ``*`` opens everything to every page
and gives no credentials. What is not allowed is answered like a call without a browser: without the headers.
"""

import re

from common.answers import Answer, Showable, vary_by
from common.request import Request

ANY = "*"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = (
    "Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match,"
    " Traceparent, X-Request-ID"
)
EXPOSED_HEADERS = (
    "Allow, ETag, Link, Location, RateLimit, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining,"
    " RateLimit-Reset, Retry-After, WWW-Authenticate, X-Request-ID, X-Total-Count"
)
MAX_AGE_SECONDS = 7200
"""How long a browser may remember a preflight's answer; Chromium remembers none for longer."""
_ORIGIN = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def parse_origins(text: str) -> frozenset[str]:
    """Origins as browsers write them, separated by commas or spaces; ValueError names a wrong one."""
    origins = frozenset(_origin(word) for word in text.replace(",", " ").split())
    if ANY in origins and len(origins) > 1:
        raise ValueError("* stands for every origin: name it alone")
    return origins


def _origin(text: str) -> str:
    origin = text.lower().rstrip("/")
    if origin != ANY and not _ORIGIN.fullmatch(origin):
        raise ValueError(f"{text!r} is no origin such as https://app.example.org")
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition(":")[0], ":"))


class Cors:
    """What browsers are told about the answers of this process."""

    def __init__(self, origins: frozenset[str]) -> None:
        self._origins = origins
        self._is_open = ANY in origins

    def preflight(self, request: Request) -> Answer | None:
        """The answer to an allowed page's browser that asks before a call; None for all other requests."""
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not asks or not self._allows(request.headers.get("Origin", "")):
            return None
        return Answer(204, {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        })  # fmt: skip

    def apply(self, request: Request, response: Showable) -> None:
        """Say on any answer, errors too, who may read it."""
        if not self._origins:
            return
        if not self._is_open:
            # On those without the headers below as well, or a cache mixes them up.
            vary_by(response.headers, "Origin")
        origin = request.headers.get("Origin", "")
        if self._allows(origin):
            self._allow(response, origin)

    def _allows(self, origin: str) -> bool:
        return bool(origin) and (self._is_open or origin in self._origins)

    def _allow(self, response: Showable, origin: str) -> None:
        response.headers["Access-Control-Allow-Origin"] = ANY if self._is_open else origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        if not self._is_open:
            response.headers["Access-Control-Allow-Credentials"] = "true"
