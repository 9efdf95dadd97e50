"""What HTTP lets clients and the suite repeat is carried out by another instance when one dies."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.http import IDEMPOTENT
from ops.serve import SERVICES

ROUTES = sorted((Path(__file__).resolve().parents[2] / "gateway" / "routes").glob("*.py"))


def entrypoints(service: str) -> dict[str, Any]:
    """The RPC entrypoints of a service by name."""
    module, _, name = SERVICES[service].partition(":")
    found = inspect.getmembers(getattr(importlib.import_module(module), name))
    made = {key: getattr(one, "nameko_entrypoints", ()) for key, one in found}
    return {key: one for key, several in made.items() for one in several if one.kind == "rpc"}


def methods(function: ast.FunctionDef) -> set[str]:
    """The HTTP methods that a route answers; none for another function."""
    calls = [one for one in function.decorator_list if isinstance(one, ast.Call)]
    routes = [one for one in calls if isinstance(one.func, ast.Name) and one.func.id == "http"]
    return {method for one in routes for method in ast.literal_eval(one.args[0]).split(",")}


def repeatable_calls() -> Iterator[tuple[str, str]]:
    """Service and method of each call that a route makes which answers GET, HEAD, PUT or DELETE."""
    for path in ROUTES:
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and methods(function) & IDEMPOTENT:
                for one in ast.walk(function):
                    if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
                        target = ast.unparse(one.func.value).removeprefix("self.")
                        if target in SERVICES:
                            yield target, one.func.attr


def test_routes_are_found() -> None:
    assert {("todos", "replace"), ("users", "delete"), ("messaging", "get")} <= set(repeatable_calls())


@pytest.mark.parametrize(("service", "method"), sorted(set(repeatable_calls())))
def test_what_a_repeatable_request_calls_may_be_called_again(service: str, method: str) -> None:
    assert entrypoints(service)[method].idempotent
