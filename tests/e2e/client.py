"""The vocabulary of the HTTP API: what a client of the gateway says, in one place."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

PASSWORD = "correct horse battery"


@dataclass
class Client:
    """Somebody in front of the gateway; `token` is who they are."""

    base_url: str
    token: str = ""
    user: dict[str, Any] = field(default_factory=dict)
    refresh_token: str = ""

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any request, with the token if there is one."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        options.setdefault("timeout", 15)
        return requests.request(method, self.base_url + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET."""
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        """POST with a JSON body."""
        return self.call("POST", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        """PATCH with a JSON body."""
        return self.call("PATCH", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        """PUT with a JSON body."""
        return self.call("PUT", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        """DELETE."""
        return self.call("DELETE", path, **options)

    def register(self, name: str = "Ada", email: str = "") -> "Client":
        """A new account; the client is not logged in by it."""
        body = {"email": email or new_email(), "password": PASSWORD, "name": name}
        answer = self.post("/api/auth/register", body)
        assert answer.status_code == 201, answer.text
        return Client(self.base_url, user=answer.json()["user"])

    def login(self, email: str = "", password: str = PASSWORD) -> "Client":
        """Log in as `email`, or as the account that `register` made."""
        answer = self.post("/api/auth/login", {"email": email or self.user["email"], "password": password})
        assert answer.status_code == 200, answer.text
        pair = answer.json()
        return Client(self.base_url, pair["access_token"], pair["user"], pair["refresh_token"])

    def todo(self, **fields: Any) -> dict[str, Any]:
        """A new todo of this user."""
        answer = self.post("/api/todos", {"title": "Buy milk", **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


def new_email() -> str:
    """An address that nobody else in the tests has."""
    return f"{uuid.uuid4().hex[:12]}@example.com"
