"""The house rules that a machine can check: who imports whom, and how long a file may be."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("common", "services", "gateway", "ops", "bench")
LONGEST_FILE = 300
LONGEST_FUNCTION = 45
MACHINERY = {"nameko", "sqlalchemy", "pymongo", "kombu", "eventlet", "psycopg2", "amqp", "nameko_sqlalchemy"}


def files(*rooms: str) -> list[Path]:
    found = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, relative ones by their full name."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def breaches(paths: list[Path], *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in imports(path)
        if any(name == wrong or name.startswith(f"{wrong}.") for wrong in forbidden)
    ]


def services() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "services").glob("*/service.py"))


def test_the_services_are_those_of_the_architecture() -> None:
    assert services() == ["auth", "messaging", "notifications", "todos", "users"]


def test_common_imports_no_service_no_gateway_and_no_tool_of_operations() -> None:
    assert breaches(files("common"), "services", "gateway", "ops", "tests", "bench") == []


@pytest.mark.parametrize("name", services())
def test_a_service_imports_no_other_service(name: str) -> None:
    others = [f"services.{other}" for other in services() if other != name]
    assert breaches(files(f"services/{name}"), *others, "gateway", "ops", "tests") == []


def test_the_gateway_imports_no_service() -> None:
    assert breaches(files("gateway"), "services", "ops", "tests") == []


def test_rules_import_no_machinery() -> None:
    rules = [path for path in files("services") if path.name == "domain.py"]
    assert len(rules) == len(services())
    assert breaches(rules, *MACHINERY) == []


def test_only_the_doors_to_the_databases_import_their_drivers() -> None:
    others = files("gateway", "services/auth")
    assert breaches(others, "sqlalchemy", "pymongo", "psycopg2", "bson") == []


def test_nothing_that_runs_imports_the_tests() -> None:
    assert breaches(files("common", "services", "gateway", "ops"), "tests") == []


@pytest.mark.parametrize("room", (*ROOMS, "tests"))
def test_no_file_is_longer_than_three_hundred_lines(room: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files(room)}
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_FILE} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_is_longer_than_forty_five_lines(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in files(room)
        if "migrations" not in path.parts  # a list of columns, and no shorter in pieces
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert found == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_says_in_a_docstring_what_it_is(room: str) -> None:
    silent = [path for path in files(room) if path.read_text().strip() and not ast.get_docstring(tree(path))]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


@pytest.mark.parametrize("name", services())
def test_every_public_method_of_a_service_says_what_it_does(name: str) -> None:
    silent = [
        f"{node.name}"
        for node in ast.walk(tree(ROOT / "services" / name / "service.py"))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
