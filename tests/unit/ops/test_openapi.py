"""The OpenAPI document: valid, complete, as the routes are, and fresh."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from marshmallow import Schema
from openapi_spec_validator import validate

from common.config import ROOT
from common.identity import Allow
from common.mail_kinds import PREFERENCES
from common.problems import STATUS
from gateway.service import GatewayService
from ops.openapi import examples, operations
from ops.openapi.__main__ import FILES, text
from ops.openapi.answers.shown import Shown
from ops.openapi.document import document
from ops.openapi.operation import problem_name
from ops.openapi.operations.todos import CreateOperation, EndOperation, UpdateOperation
from ops.openapi.routes import all_routes
from services.auth.schemas import Registration
from services.messaging.schemas import NewMessage
from services.todos.bulk import Operation
from services.todos.schemas import NewTodo, TodoChanges
from services.users.schemas import UserChanges

DOCUMENT = document()
SECURITY = {Allow.PUBLIC: [], Allow.USER: [{"bearerAuth": []}], Allow.ADMIN: [{"bearerAuth": ["admin"]}]}
Case = tuple[str, dict[str, Any], Any]


def documented() -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def resolved(value: Any) -> Any:
    """What a reference leads to."""
    if not isinstance(value, dict) or "$ref" not in value:
        return value
    found: Any = DOCUMENT
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def cases() -> Iterator[Case]:
    """Every example with its place and its schema."""
    for (method, path), operation in documented().items():
        name = f"{method} {path}"
        yield from examples_in(f"{name} body", resolved(operation.get("requestBody", {})).get("content", {}))
        for status, response in operation["responses"].items():
            yield from examples_in(f"{name} {status}", resolved(response).get("content", {}))
        for parameter in map(resolved, operation["parameters"]):
            values = [parameter["example"]] if "example" in parameter else []
            values += [one["value"] for one in parameter.get("examples", {}).values()]
            yield from ((f"{name} {parameter['name']}", parameter["schema"], value) for value in values)


def examples_in(name: str, content: dict[str, Any]) -> Iterator[Case]:
    yield from (
        (f"{name} {kind}", found["schema"], found["example"])
        for kind, found in content.items()
        if "example" in found
    )


def problems_with(value: Any, schema: dict[str, Any]) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    checker = Draft202012Validator(whole, format_checker=FormatChecker())
    return [error.message for error in checker.iter_errors(value)]


def is_valid(value: Any, name: str) -> bool:
    return not problems_with(value, {"$ref": f"#/components/schemas/{name}"})


def accepts(schema: Schema, value: Any) -> bool:
    return not schema.validate(value)


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)

    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_route_is_in_the_document_and_nothing_else_is() -> None:
    routes = {(route.method, route.path): route for route in all_routes()}

    assert set(documented()) == set(routes)
    assert {route.name for route in routes.values()} == set(operations.ALL)
    for key, operation in documented().items():
        assert operation["security"] == SECURITY[routes[key].allow], key
        assert operation["operationId"] == routes[key].name


def test_the_other_names_of_paths_are_told() -> None:
    for alias, path in GatewayService.http_aliases.items():
        assert f"`{alias}`" in DOCUMENT["info"]["description"]
        assert path in DOCUMENT["paths"]


def test_every_operation_has_a_summary_and_a_tag_that_is_described() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}

    assert all(operation["summary"] for operation in documented().values())
    assert {operation["tags"][0] for operation in documented().values()} == tags


def test_every_value_of_a_path_is_a_parameter() -> None:
    for (_, path), operation in documented().items():
        named = [one["name"] for one in operation["parameters"] if one.get("in") == "path"]
        assert all(f"{{{name}}}" in path for name in named)
        assert len(named) == path.count("{")


def test_a_route_of_the_api_takes_parameters_only_if_they_are_described() -> None:
    for route in all_routes():
        operation = documented()[route.method, route.path]
        described = any(resolved(one).get("in") == "query" for one in operation["parameters"])
        if route.path.startswith("/api/"):
            assert described == route.query, route
        assert route.query or "422" in operation["responses"]


def test_every_way_to_fail_is_a_problem_document_with_an_example() -> None:
    for status in STATUS.values():
        response = DOCUMENT["components"]["responses"][problem_name(status)]
        content = response["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert content["example"]["status"] == status


@pytest.mark.parametrize(("name", "schema", "example"), [pytest.param(*one, id=one[0]) for one in cases()])
def test_an_example_fits_its_schema(name: str, schema: dict[str, Any], example: Any) -> None:
    assert problems_with(example, schema) == []


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (NewTodo(), examples.NEW_TODO),
        (Registration(), examples.REGISTRATION),
        (NewMessage(), examples.NEW_MESSAGE),
        *((Operation(), one) for one in examples.BULK["ops"]),
    ],
)
def test_an_example_is_accepted_by_the_service(schema: Schema, example: Any) -> None:
    assert accepts(schema, example)


def test_an_answer_that_lacks_or_adds_a_field_does_not_fit_its_shape() -> None:
    assert is_valid(examples.TODO, "Todo")
    assert not is_valid({**examples.TODO, "colour": "red"}, "Todo")
    assert not is_valid({name: value for name, value in examples.TODO.items() if name != "url"}, "Todo")


def test_what_only_administrators_see_and_what_only_the_trash_has_is_optional() -> None:
    assert is_valid(examples.USER, "User") and is_valid(examples.USER_FOR_ADMIN, "User")
    assert is_valid(examples.DELETED_TODO, "Todo")


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        (NewTodo(), {}),
        (NewTodo(), {"title": "x"}),
        (NewTodo(), {"title": "  "}),
        (NewTodo(), {"title": "x\u0000"}),
        (NewTodo(), {"title": "x" * 201}),
        (NewTodo(), {"title": "x", "colour": "red"}),
        (NewTodo(), {"title": "x", "order": 1.0}),
        (NewTodo(), {"title": "x", "order": 1.5}),
        (NewTodo(), {"title": "x", "order": 2**31}),
        (NewTodo(), {"title": "x", "description": "a\nb\tc"}),
        (NewTodo(), {"title": "x", "description": "a\u0007"}),
        (TodoChanges(), {}),
        (TodoChanges(), {"due_at": None, "description": None}),
        (TodoChanges(), {"title": None}),
        (TodoChanges(), {"status": "completed", "completed": True}),
        (TodoChanges(), {"status": "pending", "completed": True}),
        (TodoChanges(), {"tags": [str(number) for number in range(21)]}),
        (TodoChanges(), {"tags": ["again"] * 21}),
        (TodoChanges(), {"tags": ["again"] * 20}),
        (UserChanges(), {"locale": "de-AT", "preferences": {PREFERENCES[0]: False}}),
        (UserChanges(), {"locale": "german"}),
        (UserChanges(), {"preferences": {"spam": False}}),
        (UserChanges(), {"role": "king"}),
        (NewMessage(), {"template": "spam", "recipient": "ada@example.org", "context": {}}),
    ],
)
def test_the_document_and_the_service_accept_the_same_bodies(schema: Schema, body: Any) -> None:
    assert is_valid(body, type(schema).__name__) == accepts(schema, body)


@pytest.mark.parametrize(("shape", "word"), [(CreateOperation, "create"), (UpdateOperation, "update")])
def test_an_operation_of_a_bulk_call_has_the_fields_of_the_single_call(shape: Any, word: str) -> None:
    single = NewTodo if word == "create" else TodoChanges

    assert set(shape().fields) - set(Operation().fields) == set(single().fields)
    assert set(EndOperation().fields) == set(Operation().fields) - {"data"}


def test_every_link_leads_to_an_operation_with_that_parameter() -> None:
    by_id = {operation["operationId"]: operation for operation in documented().values()}
    for link in DOCUMENT["components"]["links"].values():
        names = [one.get("name") for one in by_id[link["operationId"]]["parameters"]]
        assert set(link["parameters"]) <= set(names)


def test_every_shape_of_an_answer_is_used() -> None:
    shapes = {
        shape.__name__ for known in Shown.__subclasses__() for shape in (known, *known.__subclasses__())
    }

    assert shapes <= set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("name", FILES)
def test_the_file_that_is_served_is_fresh(name: str) -> None:
    served = (ROOT / "gateway" / name).read_text(encoding="utf-8")

    assert served == text(FILES[name]()), f"gateway/{name} is stale: run `make openapi`"
    assert json.loads(served)
