"""Requests as the gateway's web server would make them."""

from typing import Any

from werkzeug.test import EnvironBuilder

from common.request import Request


def request(path: str = "/api/todos", **headers: Any) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder(path=path, headers=named).get_environ())
