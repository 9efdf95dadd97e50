"""The OpenAPI document: the gateway's routes, the services' schemas, and what the tables here add."""

import json
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from werkzeug.exceptions import default_exceptions

from common import VERSION, errors, problems
from common.answers import Answer
from common.errors import SuiteError, ValidationFailed
from ops.openapi import operations
from ops.openapi.answers.shown import Problem
from ops.openapi.converter import SuitePlugin
from ops.openapi.operation import headers, problem_name
from ops.openapi.operations.todos import OPERATION_SHAPES
from ops.openapi.parameters import EVERYWHERE, HEADER_PARAMETERS, HEADERS, QUERY_NOTES
from ops.openapi.routes import all_routes

Made = dict[str, Any]
OPENAPI = "3.1.0"
_ABOUT = """\
Accounts, todos, and the mails that tell of them.

To try it out: register, log in, and give the `access_token` to *Authorize*.

* JSON in and out; unknown fields and parameters are refused. Times are UTC (RFC 3339); ids are strings.
* What is refused is a problem document (RFC 9457) with a stable `code` and the `request_id`.
* Lists are bare arrays. The next page is in the header `Link`; `count=true` adds `X-Total-Count`.
* Every answer has `X-Request-ID`: the client's own, if it sent one. HEAD works wherever GET does.
* `/todos` and `/users` answer like `/api/todos` and `/api/users`.
"""
_TAGS = {
    "auth": "Accounts, logins and sessions.",
    "users": "Profiles.",
    "audit": "What has happened to accounts. For administrators.",
    "todos": "The caller's todos.",
    "messages": "The mails of the suite: sent, waiting and dead. For administrators.",
    "unsubscribe": "Where the link of a mail leads.",
    "system": "Health, metrics and these documents.",
}
_LINKS: dict[str, tuple[str, dict[str, str]]] = {
    "GetRegisteredUser": ("get_user", {"user_id": "$response.body#/user/id"}),
    "EndFirstSession": ("revoke_session", {"session_id": "$response.body#/0/id"}),
    "EndFirstToken": ("end_access_token", {"token_id": "$response.body#/0/id"}),
    "GetTodo": ("get_todo", {"todo_id": "$response.body#/id"}),
    "UpdateTodo": ("update_todo", {"todo_id": "$response.body#/id"}),
    "ReplaceTodo": ("replace_todo", {"todo_id": "$response.body#/id"}),
    "DeleteTodo": ("delete_todo", {"todo_id": "$response.body#/id"}),
    "RestoreTodo": ("restore_todo", {"todo_id": "$response.body#/id"}),
    "GetMessage": ("get_message", {"message_id": "$response.body#/id"}),
    "CancelMessage": ("cancel_message", {"message_id": "$response.body#/id"}),
}
_REFUSALS: tuple[SuiteError, ...] = (
    errors.BadRequest("malformed_json", "The body is empty: send a JSON document."),
    errors.Unauthenticated("token_expired", "The access token has expired."),
    errors.Forbidden("admin_only", "Only an administrator may do this."),
    errors.NotFound("todo_not_found", "There is no such todo."),
    errors.Conflict("email_taken", "There is already an account with this e-mail address."),
    errors.PreconditionFailed("version_mismatch", "The todo has changed since: read it again."),
    ValidationFailed("validation_failed", "Some fields are not valid.", {"title": ["Not a valid string."]}),
    errors.TooManyRequests("too_many_requests", "Too many requests: try again later."),
    errors.internal_error(),
    errors.Unavailable("service_unavailable", "A service can't be reached: try again."),
    errors.DeadlineExceeded("deadline_exceeded", "A service has not answered in time."),
)
_REQUEST_ID = "0b54c8e0a7f34d3f9e3f6f5b6e3d2c1a"


def document() -> Made:
    """The whole document."""
    spec = APISpec(
        "Todo suite", VERSION, OPENAPI, plugins=[SuitePlugin()], info={"description": _ABOUT},
        servers=[{"url": "/"}], tags=[{"name": name, "description": told} for name, told in _TAGS.items()],
    )  # fmt: skip
    _add_components(spec)
    routes = {route.name: route for route in all_routes()}
    for name, operation in operations.ALL.items():
        route = routes[name]
        spec.path(path=route.path, operations={route.method.lower(): operation.render(route)})
    made: Made = spec.to_dict()
    for path in made["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                _complete_parameter(parameter)
    return made


def _add_components(spec: APISpec) -> None:
    spec.components.security_scheme("bearerAuth", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    spec.components.schema("Problem", schema=Problem)
    for shape in OPERATION_SHAPES:
        spec.components.schema(shape.__name__, schema=shape)
    for name, header in HEADERS.items():
        spec.components.header(name, header)
    for name, parameter in HEADER_PARAMETERS.items():
        spec.components.parameter(name, "header", {"name": name, **parameter})
    for refusal in _REFUSALS:
        _add_problem(spec, problems.from_error(refusal, "/api/todos", _REQUEST_ID))
    for status in (406, 411, 413, 414, 415, 431):
        _add_problem(spec, problems.from_http(default_exceptions[status](), "/api/todos", _REQUEST_ID))
    for name, (operation, values) in _LINKS.items():
        spec.components.link(name, {"operationId": operation, "parameters": values})


def _add_problem(spec: APISpec, response: Answer) -> None:
    status = response.status_code
    mine = [name for name in ("Retry-After", "WWW-Authenticate") if name in response.headers]
    content = {"schema": "Problem", "example": json.loads(response.get_data())}
    spec.components.response(
        problem_name(status),
        {
            "description": f"{HTTPStatus(status).phrase}.",
            "headers": headers(*EVERYWHERE, *mine),
            "content": {response.headers["Content-Type"]: content},
        },
    )


def _complete_parameter(parameter: Made) -> None:
    if parameter.get("in") != "query":
        return
    if parameter["name"] in QUERY_NOTES:
        parameter["description"] = QUERY_NOTES[parameter["name"]]
    # A field that is null by default is one that may be missing: a query can't say null.
    schema = parameter["schema"]
    if isinstance(schema.get("type"), list):
        schema["type"] = next(one for one in schema["type"] if one != "null")
    if schema.get("default", "") is None:
        del schema["default"]
