"""Routes: what the dictionaries answer is what werkzeug's map answers."""

import inspect
from typing import Any

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter

from common.http import HttpEntrypoint
from common.routes import Routes
from gateway.service import GatewayService

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
VALUES = ("6b02fcd1a1bcd8d6478e2d41", "a b", "ü", "a.b", "new\nline", "..", "<x>", "")


def gateways_map() -> Map:
    """The gateway's routes, each leading to its method's name and path."""
    found = Map(merge_slashes=False)
    for name, function in inspect.getmembers(GatewayService, inspect.isfunction):
        for entrypoint in getattr(function, ENTRYPOINT_EXTENSIONS_ATTR, ()):
            if isinstance(entrypoint, HttpEntrypoint):
                rule = entrypoint.get_url_rule()
                rule.endpoint = (name, entrypoint.url)
                found.add(rule)
    return found


def paths() -> list[str]:
    """Each route's path with all kinds of values, as it is and with a slash too many."""
    rules = [rule for rule in gateways_map().iter_rules() if len(rule.arguments) < 3]
    filled = {
        rule.rule.replace(*placeholders(rule.rule, value)) if rule.arguments else rule.rule
        for rule in rules
        for value in VALUES
    }
    return sorted(
        {shown for path in filled for shown in (path, f"{path}/", f"/{path}", f"{path}//", f"{path}/x")}
    )


def placeholders(rule: str, value: str) -> tuple[str, str]:
    """What stands for a value in a rule, and the value."""
    return rule[rule.index("<") : rule.index(">") + 1], value


def outcome(match: Any, path: str, method: str) -> Any:
    """What a match gives or raises."""
    try:
        return match(path, method)
    except HTTPException as refusal:
        return type(refusal)


@pytest.fixture(scope="module")
def routes() -> Routes:
    return Routes(gateways_map())


@pytest.fixture(scope="module")
def werkzeugs() -> MapAdapter:
    return gateways_map().bind("localhost")


@pytest.mark.parametrize("method", METHODS)
def test_every_path_leads_where_the_map_leads(routes: Routes, werkzeugs: MapAdapter, method: str) -> None:
    spelled_out = {rule.rule for rule in werkzeugs.map.iter_rules() if not rule.arguments}
    for path in paths():
        found, expected = outcome(routes.match, path, method), outcome(werkzeugs.match, path, method)
        # The map takes the "stats" of PATCH /api/todos/stats for an id, and we don't.
        assert found == expected or (found is MethodNotAllowed and path.removesuffix("/") in spelled_out), (
            path
        )


def test_a_path_that_is_spelled_out_is_refused_with_its_own_methods(routes: Routes) -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        routes.match("/api/todos/stats", "PATCH")

    assert refused.value.valid_methods == ["GET", "HEAD"]


def test_a_path_that_nobody_serves_is_not_found(routes: Routes) -> None:
    with pytest.raises(NotFound):
        routes.match("/api/todo", "GET")
