"""Query strings in, pages out: a list is a bare array, and what belongs to its paging is in headers."""

from typing import Any
from urllib.parse import urlencode

from common.errors import BadRequest
from common.http import Reply
from common.links import Url
from common.request import Request


def query(request: Request) -> dict[str, str]:
    """The parameters of the query string; BadRequest if one is given twice, since one would be ignored."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise BadRequest("repeated_parameter", f"The parameter {name[:50]!r} is given more than once.")
    return dict(request.args.items())


def page(request: Request, found: dict[str, Any], url: Url) -> Reply:
    """The answer for a service's ``{"items", "next_cursor", "total"}``."""
    headers = {}
    if found.get("next_cursor"):
        headers["Link"] = f'<{url(_next(request, found["next_cursor"]))}>; rel="next"'
    if found.get("total") is not None:
        headers["X-Total-Count"] = str(found["total"])
    return Reply(200, found["items"], headers)


def _next(request: Request, cursor: str) -> str:
    return f"{request.path}?{urlencode({**request.args.to_dict(), 'cursor': cursor})}"
