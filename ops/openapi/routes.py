"""What the gateway itself says of its routes: method, path, whom they serve, and the docstring."""

import inspect
import re
from dataclasses import dataclass

from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from common.http import HttpEntrypoint
from common.identity import Allow
from gateway.service import GatewayService

_VALUE = re.compile(r"<([a-z_]+)>")


@dataclass(frozen=True)
class Route:
    """One entrypoint; ``name`` is its method's name, ``values`` are the names in its path."""

    name: str
    method: str
    path: str
    allow: Allow
    summary: str
    produces: str
    pooled: bool
    json: bool
    scope: str
    query: bool

    @property
    def values(self) -> list[str]:
        """The names of the path's values."""
        return re.findall(r"{([a-z_]+)}", self.path)


def all_routes() -> list[Route]:
    """Every route of the gateway, by path and method."""
    methods = inspect.getmembers(GatewayService, inspect.isfunction)
    found = [
        _route(name, one, method.__doc__ or "")
        for name, method in methods
        for one in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ())
        if isinstance(one, HttpEntrypoint)
    ]
    return sorted(found, key=lambda route: (route.path, route.method))


def _route(name: str, one: HttpEntrypoint, docstring: str) -> Route:
    path = _VALUE.sub(r"{\1}", one.url)
    summary = inspect.cleandoc(docstring).split("\n\n")[0].split(":")[0]
    return Route(
        name, one.method, path, one.allow, summary, one.produces, one.pooled, one.json, one.scope, one.query,
    )  # fmt: skip
