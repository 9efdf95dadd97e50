"""A token for a script: made in a session, good for its scopes, ended at once on every gateway."""

import base64
import json
from typing import Any

import pytest

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import Client

TOKENS = "/api/users/me/tokens"


def script_of(client: Client, *scopes: str) -> tuple[Client, dict[str, Any]]:
    """A script with a new token of this user."""
    made = client.post(TOKENS, {"name": "Script", "scopes": [*scopes], "expires_in_days": 7})
    assert made.status_code == 201, made.text
    return Client(client.base_url, made.json()["token"], client.user), made.json()


def test_a_script_does_what_its_token_is_for_and_no_more(
    ada: Client, mailcatcher: MailCatcher, eventually: Any
) -> None:
    todo = ada.todo()
    script, made = script_of(ada, "todos:read")
    listed = ada.get(TOKENS).json()
    refused = script.post("/api/todos", {"title": "x"})

    assert [one["id"] for one in script.get("/api/todos").json()] == [todo["id"]]
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="todos:write"'
    for method, path in (
        ("GET", TOKENS), ("POST", TOKENS), ("DELETE", "/api/users/me"), ("GET", "/api/users/me"),
        ("POST", "/api/auth/logout"), ("GET", "/api/auth/sessions"), ("POST", "/api/auth/password/change"),
        ("GET", "/api/audit"),
    ):  # fmt: skip
        assert script.call(method, path, json={}).status_code == 403, path
    assert listed == [{key: value for key, value in made.items() if key != "token"}]
    assert made["token"] not in json.dumps(listed)
    eventually(lambda: ada.get(TOKENS).json()[0]["last_used_at"] is not None)
    mailcatcher.wait_for_mail(ada.user["email"], "An access token was made")


def test_an_ended_token_is_refused_and_its_owner_goes_on(ada: Client, bob: Client) -> None:
    script, made = script_of(ada, "todos:write")
    other, _ = script_of(ada, "todos:write")
    assert script.todo()["user_id"] == ada.user["id"]
    assert bob.delete(f"{TOKENS}/{made['id']}").status_code == 404
    assert ada.delete(f"{TOKENS}/{made['id']}").status_code == 204
    late = script.get("/api/todos")

    assert (late.status_code, late.json()["code"]) == (401, "token_revoked")
    assert (other.get("/api/todos").status_code, ada.get("/api/todos").status_code) == (200, 200)
    assert ada.delete(f"{TOKENS}/{made['id']}").status_code == 404


def test_a_token_outlives_a_logout_and_not_the_account(ada: Client) -> None:
    script, _ = script_of(ada, "profile:read")
    again = ada.login()
    assert ada.post("/api/auth/logout-all").status_code == 204
    assert script.get("/api/users/me").json()["id"] == ada.user["id"]
    assert script.get("/api/auth/verify").json()["valid"] is True
    assert again.get("/api/todos").status_code == 401
    assert ada.login().delete("/api/users/me").status_code == 204
    assert script.get("/api/users/me").json()["code"] == "token_revoked"


def test_a_token_changes_a_profile_but_not_the_address_which_could_set_the_password(ada: Client) -> None:
    script, _ = script_of(ada, "profile:write")
    assert script.patch("/api/users/me", {"name": "Ada L."}).json()["name"] == "Ada L."
    stolen = script.patch("/api/users/me", {"email": "eve@example.com"})
    assert (stolen.status_code, stolen.json()["code"]) == (403, "insufficient_scope")


def test_an_administrators_token_is_no_key_to_others(ada: Client, admin: Client) -> None:
    reader, _ = script_of(admin, "profile:write")
    path = f"/api/users/{ada.user['id']}"
    assert [reader.get(path).status_code, reader.patch(path, {"name": "x"}).status_code] == [403, 403]
    auditor, _ = script_of(admin, "audit:read", "users:read")
    assert auditor.get("/api/audit").status_code == auditor.get("/api/users").status_code == 200
    assert auditor.get("/api/messages").status_code == 403
    user, _ = script_of(ada, "audit:read")
    assert user.get("/api/audit").json()["code"] == "admin_only"


def test_a_token_whose_scopes_were_changed_is_none(ada: Client) -> None:
    script, _ = script_of(ada, "todos:read")
    header, body, signature = script.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = (
        base64.urlsafe_b64encode(json.dumps({**claims, "scope": "todos:write"}).encode()).decode().rstrip("=")
    )
    answer = Client(ada.base_url, f"{header}.{forged}.{signature}").get("/api/todos")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": ["todos:read"]}, "name"), ({"name": "x"}, "scopes"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["admin"]}, "scopes.0"), ({"name": "x", "scopes": "todos:read"}, "scopes"),
        ({"name": "x", "scopes": ["todos:read"], "expires_in_days": 0}, "expires_in_days"),
        ({"name": "x", "scopes": ["todos:read"], "expires_in_days": 367}, "expires_in_days"),
        ({"name": "x", "scopes": ["todos:read"], "expires_in_days": None}, "expires_in_days"),
        ({"name": "x", "scopes": ["todos:read"], "role": "admin"}, "role"),
    ],
)  # fmt: skip
def test_a_token_without_a_name_a_purpose_or_an_end_is_not_made(ada: Client, body: Any, field: str) -> None:
    answer = ada.post(TOKENS, body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
