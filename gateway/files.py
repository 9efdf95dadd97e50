"""Files sent to browsers: with their type, an entity tag, and how long they may be kept."""

from werkzeug.wrappers import Response

from common.request import Request

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
"""By the end of a file's name."""
ASK_AGAIN = "no-cache"
"""A browser may keep it, and asks each time whether it is still the current one."""


def answer(request: Request, content: bytes, content_type: str, caching: str = ASK_AGAIN) -> Response:
    """The content, or 304 for who has it."""
    response = Response(content, content_type=content_type, headers={"Cache-Control": caching})
    response.add_etag()
    return response.make_conditional(request)
