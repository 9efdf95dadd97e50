"""Conditional requests (RFC 9110, section 13): a todo's entity tag is its version, quoted.

``If-Match`` compares strongly, so a weak tag matches nothing, and neither does what is no tag at all:
a client that asked for a guard must not be served without one. ``If-None-Match`` compares weakly.
"""

import re
from collections.abc import Callable
from typing import Any

from werkzeug.http import parse_etags

from common.http import Reply
from common.request import Request

NO_VERSION = 0
"""Versions begin at 1, so this one is never current: the service answers 412, or 404 first."""
_VERSION = re.compile(r"[1-9][0-9]{0,17}")


def tagged(todo: dict[str, Any], status: int = 200, **headers: str) -> Reply:
    """The answer that shows a todo with its entity tag."""
    return Reply(status, todo, {"ETag": _etag(todo), **headers})


def unless_known(request: Request, todo: dict[str, Any]) -> Reply:
    """The todo, or 304 if ``If-None-Match`` says that the client has this version."""
    known = request.environ.get("HTTP_IF_NONE_MATCH", "").strip()
    if known and parse_etags(known).contains_weak(str(todo["version"])):
        return Reply(304, None, {"ETag": _etag(todo)})
    return tagged(todo)


def if_version(request: Request, current: Callable[[], int]) -> int | None:
    """The version that the change asks for; None where any will do.

    Of several versions it is the ``current`` one, if that is among them; it is asked for only then.
    """
    if "If-None-Match" in request.headers:
        unwanted = parse_etags(request.headers["If-None-Match"].strip())
        if unwanted.star_tag or unwanted.contains_weak(str(current())):
            return NO_VERSION  # there is one: the service answers 412, or 404 if there is none
    if "If-Match" not in request.headers:
        return None
    wanted = parse_etags(request.headers["If-Match"].strip())
    if wanted.star_tag:
        return None
    versions = {int(tag) for tag in wanted.as_set() if _VERSION.fullmatch(tag or "")}
    if len(versions) > 1:
        versions &= {current()}
    return versions.pop() if versions else NO_VERSION


def _etag(todo: dict[str, Any]) -> str:
    return f'"{todo["version"]}"'
