"""Which entrypoint a path and a method lead to.

werkzeug's map decides. Paths without a variable, and those that end with one, are all that matters where many
requests come, and two dictionaries know them: the map takes a tenth of a request's time.
"""

import re
from typing import Any

from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Map

_ENDS_WITH_ONE = re.compile(r"([^<>]*)/<(\w+)>")
Match = tuple[Any, dict[str, Any]]
"""The entrypoint, and the path's values by name."""


class Routes:
    """The routes of a process. A path with a slash too many is another path, not a redirect."""

    def __init__(self, routes: Map) -> None:
        routes.merge_slashes = False
        # No route depends on the host, so there is nothing to find out for each request.
        self._map = routes.bind("localhost")
        self._spelled_out: dict[str, dict[str, Any]] = {}
        self._beginnings: dict[tuple[str, str], tuple[Any, str]] = {}
        for rule in routes.iter_rules():
            found = _ENDS_WITH_ONE.fullmatch(rule.rule)
            if not rule.arguments:
                methods = self._spelled_out.setdefault(rule.rule, {})
                methods.update(dict.fromkeys(rule.methods or (), rule.endpoint))
            elif found:
                ways = [(method, found[1]) for method in rule.methods or ()]
                self._beginnings.update(dict.fromkeys(ways, (rule.endpoint, found[2])))

    def match(self, path: str, method: str) -> Match:
        """What serves this; raises werkzeug's NotFound and MethodNotAllowed."""
        methods = self._spelled_out.get(path.removesuffix("/") or "/")
        if methods is not None:
            if method not in methods:
                # werkzeug would look on, and take the "stats" of PATCH /api/todos/stats for a todo's id.
                raise MethodNotAllowed(sorted(methods))
            return methods[method], {}
        beginning, _, value = path.rpartition("/")
        found = self._beginnings.get((method, beginning))
        if found and value:
            return found[0], {found[1]: value}
        endpoint, values = self._map.match(path, method)
        return endpoint, dict(values)
