"""The gateway: HTTP in, RPC out."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from nameko.exceptions import RemoteError
from nameko.rpc import RpcProxy
from nameko.web.handlers import http
from werkzeug.wrappers import Request, Response

from bench.stock.tokens import BadToken, Tokens

STATUS = {
    "BadToken": 401,
    "WrongCredentials": 401,
    "NotFound": 404,
    "EmailTaken": 409,
    "ValidationError": 422,
}


def reply(data: Any, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(json.dumps(data), status=status, mimetype="application/json")


def problem(code: str, detail: str) -> Response:
    """A refusal."""
    body = {"title": code, "status": STATUS[code], "detail": detail}
    return Response(json.dumps(body), status=STATUS[code], mimetype="application/problem+json")


def errors_answered(method: Callable[..., Response]) -> Callable[..., Response]:
    """What a service raises becomes a status."""

    @wraps(method)
    def call(self: "GatewayService", request: Request, **path: str) -> Response:
        try:
            return method(self, request, **path)
        except BadToken as refusal:
            return problem("BadToken", str(refusal))
        except RemoteError as refusal:
            if refusal.exc_type not in STATUS:
                raise
            return problem(refusal.exc_type, refusal.value)

    return call


class GatewayService:
    """What clients talk to."""

    name = "gateway"
    auth = RpcProxy("auth")
    todos = RpcProxy("todos")
    tokens = Tokens()

    @http("POST", "/api/auth/register")
    @errors_answered
    def register(self, request: Request) -> Response:
        """A new account."""
        return reply({"user": self.auth.register(request.get_json())}, 201)

    @http("POST", "/api/auth/login")
    @errors_answered
    def login(self, request: Request) -> Response:
        """A pair of tokens."""
        return reply(self.auth.login(request.get_json()))

    @http("POST", "/api/todos")
    @errors_answered
    def create_todo(self, request: Request) -> Response:
        """Add a todo."""
        return reply(self.todos.create(self._token(request), request.get_json()), 201)

    @http("GET", "/api/todos")
    @errors_answered
    def list_todos(self, request: Request) -> Response:
        """The caller's todos, newest first."""
        return reply(self.todos.list(self._token(request), request.args.get("limit", 50)))

    @http("GET", "/api/todos/<string:todo_id>")
    @errors_answered
    def get_todo(self, request: Request, todo_id: str) -> Response:
        """One todo."""
        return reply(self.todos.get(self._token(request), todo_id))

    def _token(self, request: Request) -> str:
        """The caller's token, verified."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.tokens.verify(token)
        return token
