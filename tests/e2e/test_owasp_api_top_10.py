"""The OWASP API Security Top 10 (2023): for each of the ten an attempt, and what becomes of it."""

import base64
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection

from ops.engines import RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client, new_email

FORGOT, LOGIN = "/api/auth/password/forgot", "/api/auth/login"


def part(text: str) -> dict[str, Any]:
    """A part of a token, read."""
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return read


def written(read: dict[str, Any]) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(read).encode()).decode().rstrip("=")


@contextmanager
def listening() -> Iterator[tuple[str, list[Any]]]:
    """A server inside, its address, and who has connected to it."""
    visitors: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    visitors.append(server.accept()[1])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/latest/meta-data", visitors
        over.set()
        thread.join()


def test_api1_broken_object_level_authorization(ada: Client, bob: Client, admin: Client) -> None:
    todo, account = f"/api/todos/{ada.todo()['id']}", f"/api/users/{ada.user['id']}"
    session = f"/api/auth/sessions/{ada.get('/api/auth/sessions').json()[0]['id']}"
    found = {
        (method, path): bob.call(method, path, json=body).status_code
        for path, body in ((todo, {"title": "Mine"}), (account, {"name": "Eve"}))
        for method in ("GET", "PATCH", "DELETE")
    } | {("DELETE", session): bob.delete(session).status_code}

    assert set(found.values()) == {404}, found
    assert admin.get(todo).status_code == 404
    assert [ada.get(path).status_code for path in (todo, account)] == [200, 200]


def test_api2_broken_authentication(ada: Client, anyone: Client) -> None:
    header, claims, signature = ada.token.split(".")
    as_admin = written({**part(claims), "role": "admin"})
    forged = {
        "no algorithm": f"{written({**part(header), 'alg': 'none'})}.{claims}.",
        "another role": f"{header}.{as_admin}.{signature}",
        "a key of its own": f"{written({**part(header), 'jku': 'http://127.0.0.1/'})}.{claims}.{signature}",
        "a refresh token": ada.refresh_token,
    }
    answers = {name: Client(anyone.base_url, token).get("/api/users/me") for name, token in forged.items()}
    assert {one.status_code for one in answers.values()} == {401}, answers
    assert all("error=" in one.headers["WWW-Authenticate"] for one in answers.values())

    told = [
        anyone.post(LOGIN, {"email": email, "password": "a guess"}).json()["detail"]
        for email in (ada.user["email"], new_email())
    ]
    assert told[0] == told[1]
    assert ada.post("/api/auth/logout").status_code == 204
    assert ada.get("/api/users/me").status_code == 401


def test_api3_broken_object_property_level_authorization(ada: Client, admin: Client) -> None:
    me = "/api/users/me"
    todo = f"/api/todos/{ada.todo()['id']}"
    registration = {"email": new_email(), "password": PASSWORD, "name": "Eve", "role": "admin"}
    refused = [
        ada.patch(me, {"role": "admin"}), ada.patch(me, {"disabled": False}),
        ada.patch(me, {"email_verified": True}), ada.patch(me, {"pending_email": None}),
        ada.patch(todo, {"user_id": admin.user["id"]}), ada.post("/api/todos", {"title": "x", "id": "1"}),
        ada.post("/api/auth/register", registration),
    ]  # fmt: skip
    assert [one.status_code for one in refused] == [403, 403, 422, 422, 422, 422, 422]
    shown = ada.get(me).text + admin.get(f"/api/users/{ada.user['id']}").text
    assert not [word for word in ("password", "$2b$", "secret", "email_key") if word in shown]


def test_api4_unrestricted_resource_consumption(ada: Client) -> None:
    deep = '{"title":' * 100 + '"x"' + "}" * 100
    many = {"ops": [{"op": "delete", "id": str(uuid.uuid4())}] * 101}
    json_type = {"Content-Type": "application/json"}
    found = [
        ada.post("/api/todos", {"title": "x", "description": "x" * 2_000_000}).status_code,
        ada.call("POST", "/api/todos", data=deep, headers=json_type).status_code,
        ada.post("/api/todos/bulk", many).status_code,
        ada.get("/api/todos?limit=101").status_code,
        ada.post("/api/todos", {"title": "x", "tags": [f"tag {number}" for number in range(21)]}).status_code,
    ]
    assert found == [413, 400, 422, 422, 422]
    assert int(ada.get("/api/todos").headers["RateLimit-Remaining"]) >= 0


def test_api5_broken_function_level_authorization(ada: Client, anyone: Client, bob: Client) -> None:
    user = f"/api/users/{bob.user['id']}"
    calls = [
        ("GET", "/api/users"), ("GET", "/api/audit"), ("GET", "/api/services"), ("GET", "/api/messages"),
        ("POST", "/api/messages"), ("GET", "/api/messages/queues"), ("GET", "/api/messages/dead-letters"),
        ("POST", "/api/messages/dead-letters/replay"), ("GET", f"{user}/sessions"),
        ("DELETE", f"{user}/sessions"), ("DELETE", f"{user}/second-factor"),
    ]  # fmt: skip
    body = {"template": "system_alert", "recipient": new_email(), "context": {}}
    found = {call: ada.call(*call, json=body).status_code for call in calls}
    assert set(found.values()) == {403}, found
    assert {anyone.call(*call, json=body).status_code for call in calls} == {401}
    assert bob.get("/api/users/me").status_code == 200


def test_api6_unrestricted_access_to_sensitive_business_flows(
    anyone: Client, ada: Client, mailcatcher: MailCatcher
) -> None:
    email = ada.user["email"]
    answers = [anyone.post(FORGOT, {"email": email}) for _ in range(8)]
    assert [one.status_code for one in answers] == [202] * 5 + [429] * 3
    assert int(answers[-1].headers["Retry-After"]) > 0
    mailcatcher.wait_for_mail(email, "Reset your password")
    assert len(mailcatcher.mails(email, "Reset your password")) <= 5


def test_api7_server_side_request_forgery(ada: Client, admin: Client, mailcatcher: MailCatcher) -> None:
    with listening() as (inside, visitors):
        todo = ada.todo(title=inside, description=f'<img src="{inside}">', tags=[inside[:50]])
        ada.patch("/api/users/me", {"name": inside})
        host = inside.split("/")[2]
        for headers in ({"Host": host}, {"X-Forwarded-Host": host}, {"Referer": inside}, {"Origin": inside}):
            ada.get("/api/todos", headers=headers)
        context = {"title": inside, "message": inside}
        body = {"template": "system_alert", "recipient": ada.user["email"], "context": context}
        assert admin.post("/api/messages", body).status_code == 202
        mailcatcher.wait_for_mail(ada.user["email"], "meta-data")
        time.sleep(0.1)
    assert todo["title"] == inside
    assert visitors == []


def test_api8_security_misconfiguration(anyone: Client, ada: Client) -> None:
    answer = ada.get("/api/todos", headers={"Origin": "https://evil.example"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert not [
        word for word in ("eventlet", "Python", "Werkzeug") if word in answer.headers.get("Server", "")
    ]
    assert anyone.call("TRACE", "/api/todos").status_code in (405, 501)
    refused = ada.call("POST", "/api/todos", data="{broken", headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json")
    assert not [word for word in ("Traceback", ".py", "Error(", "127.0.0.1") if word in refused.text]


def test_api9_improper_inventory_management(anyone: Client, admin: Client) -> None:
    document = anyone.get("/openapi.json").json()
    unknown = [
        (path, method)
        for path, methods in document["paths"].items()
        for method in methods
        if method == "get" and "{" not in path and admin.get(path).status_code in (404, 405, 501)
    ]
    assert unknown == []
    forgotten = ("/api/v1/todos", "/api/users.json", "/debug", "/admin", "/actuator", "/.git/config", "/.env")
    found = {path: anyone.get(path).status_code for path in forgotten}
    assert set(found.values()) == {404}, found


def test_api10_unsafe_consumption_of_apis(
    ada: Client, admin: Client, rabbitmq: RabbitMQ, mailcatcher: MailCatcher, eventually: Callable[..., None]
) -> None:
    hostile, queue = "<script>alert(1)</script>", "evt-todos-todo_created--messaging.handle_todo_created"
    letters = f"/api/messages/dead-letters?queue={queue}&limit=100"
    before = {one["id"] for one in admin.get(letters).json()}

    def new() -> list[str]:
        return [one["id"] for one in admin.get(letters).json() if one["id"] not in before]

    mark = uuid.uuid4().hex
    event = {
        "event_id": mark, "occurred_at": "2026-11-22T14:31:45.000Z", "user_id": ada.user["id"], "count": 1,
        "todos": [{"title": hostile}],
    }  # fmt: skip
    with Connection(rabbitmq.uri) as connection, connection.Producer() as producer:
        for body in (b"{no json", b'{"event_id": "x"}', json.dumps(event).encode()):
            producer.publish(
                body, "todo_created", exchange="todos.events", content_type="application/json",
                content_encoding="utf-8",
            )  # fmt: skip
    mail = mailcatcher.wait_for_mail(ada.user["email"], "New todo")
    assert hostile not in mail["html"]
    assert "&lt;script&gt;" in mail["html"]
    eventually(lambda: len(new()) == 2)
    assert {admin.delete(f"/api/messages/dead-letters/{one}").status_code for one in new()} == {204}
    assert admin.get("/health/ready").status_code == 200
