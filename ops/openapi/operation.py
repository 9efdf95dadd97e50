"""A route as it is described, and what follows for it from its kind: its problems, its parameters."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from marshmallow import Schema

from common.http import ANY_TYPE
from common.identity import Allow
from common.request import JSON
from ops.openapi.converter import markdown
from ops.openapi.parameters import EVERYWHERE, PATH
from ops.openapi.routes import Route

Made = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer that is no problem. ``types`` are types of content without a shape, with their examples."""

    note: str
    shape: type[Schema] | None = None
    example: Any = None
    many: bool = False
    headers: tuple[str, ...] = ()
    types: Made = field(default_factory=dict)
    links: tuple[str, ...] = ()

    def render(self) -> Made:
        """As a response object."""
        found: Made = {"description": self.note, "headers": headers(*EVERYWHERE, *self.headers)}
        content: Made = {kind: {"schema": _schema_of(kind), **one} for kind, one in self.types.items()}
        if self.shape:
            shape: Any = {"type": "array", "items": self.shape} if self.many else self.shape
            content[JSON] = {"schema": shape, "example": self.example}
        if content:
            found["content"] = content
        if self.links:
            found["links"] = {name: {"$ref": f"#/components/links/{name}"} for name in self.links}
        return found


@dataclass(frozen=True)
class Operation:
    """What can't be read from the route: which shapes, which headers, which problems of its own."""

    tag: str
    answers: dict[int, Answer]
    body: type[Schema] | None = None
    body_example: Any = None
    body_required: bool = True
    query: type[Schema] | None = None
    headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    note: str = ""
    form: Made = field(default_factory=dict)

    def render(self, route: Route) -> Made:
        """As an operation object."""
        found: Made = {
            "operationId": route.name, "tags": [self.tag], "summary": markdown(route.summary).rstrip("."),
            "security": _security(route.allow), "parameters": [*self._parameters(route)],
            "responses": self._responses(route),
        }  # fmt: skip
        notes = ["For administrators."] if route.allow is Allow.ADMIN else []
        if self.note:
            notes.append(self.note)
        if route.scope:
            notes.append(f"A personal access token needs the scope `{route.scope}`.")
        elif route.allow is not Allow.PUBLIC:
            notes.append("Not with a personal access token (403).")
        if notes:
            found["description"] = " ".join(notes)
        if self.body:
            content: Made = {JSON: {"schema": self.body, "example": self.body_example}}
            found["requestBody"] = {"required": self.body_required, "content": content}
        if self.form:
            found["requestBody"] = {"content": {"application/x-www-form-urlencoded": self.form}}
        return found

    def _parameters(self, route: Route) -> Iterator[Any]:
        yield from ({"in": "path", "name": name, "required": True, **PATH[name]} for name in route.values)
        if self.query:
            yield {"in": "query", "schema": self.query}
        yield from self.headers  # apispec refers to components by their names

    def _responses(self, route: Route) -> dict[str, Made]:
        answers = {str(status): answer.render() for status, answer in self.answers.items()}
        refused = {*_problems_of(route), *self.problems}
        if self.body or self.query or not route.query:
            refused.add(422)  # without parameters of its own, for any that is given
        if self.query:
            refused.add(414)
        if self.body and self.body_required:
            refused.add(411)
        mine = {str(status): problem(status) for status in sorted(refused - set(self.answers))}
        return dict(sorted({**answers, **mine}.items()))


def problem(status: int) -> Made:
    """A reference to the response of a problem."""
    return {"$ref": f"#/components/responses/{problem_name(status)}"}


def problem_name(status: int) -> str:
    """``NotFound`` for 404."""
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _schema_of(kind: str) -> Made:
    # An image is no JSON value: its media type says all.
    return {"type": "object"} if kind == JSON else {"type": "string"} if kind.startswith("text/") else {}


def headers(*names: str) -> dict[str, str]:
    """References to response headers, by apispec's own rule: it looks a name up."""
    return {name: name for name in names}


def _security(allow: Allow) -> list[Made]:
    """No token, a token, or a token with the administrator's role (roles are named since OpenAPI 3.1)."""
    if allow is Allow.PUBLIC:
        return []
    return [{"bearerAuth": ["admin"] if allow is Allow.ADMIN else []}]


def _problems_of(route: Route) -> Iterator[int]:
    """What any route of this kind may be refused with."""
    yield from (400, 431)
    if route.produces != ANY_TYPE:
        yield 406
    if route.allow is not Allow.PUBLIC:
        yield from (401, 403)
    if route.values:
        yield from (404, 414)
    if route.method in ("POST", "PUT", "PATCH"):
        yield from (413, 415) if route.json else (413,)
    if route.pooled:
        yield from (429, 500, 503, 504)
