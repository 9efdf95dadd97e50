"""What is kept of somebody: all of it to take along, and nothing of it left once they are gone."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql
from pymongo import MongoClient

from ops.engines import MongoDB, PostgreSQL
from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client

EXPORT = "/api/users/me/export"
OF_MONGODB = ("admin", "config", "local")


@pytest.fixture
def person(anyone: Client, admin: Client, mailcatcher: MailCatcher) -> Client:
    """Somebody of whom there is something everywhere."""
    name = f"Ada-{uuid.uuid4().hex}"
    person = anyone.register(name).login()
    email = person.user["email"]
    kept, trashed = person.todo(title="Buy milk"), person.todo(title="Sell the cow", tags=["farm"])
    person.delete(f"/api/todos/{trashed['id']}")
    person.patch(f"/api/todos/{kept['id']}", {"description": f"{name} wants it"})
    person.post("/api/users/me/tokens", {"name": "Script", "scopes": ["todos:read"]})
    person.post("/api/auth/second-factor", {"current_password": PASSWORD})
    person.post("/api/auth/refresh", {"refresh_token": person.refresh_token})
    person.post("/api/auth/password/forgot", {"email": email})
    anyone.post("/api/auth/login", {"email": email, "password": "a guess or two"})
    alert = {"title": "For you", "message": f"Dear {name}"}
    admin.post("/api/messages", {"template": "system_alert", "recipient": email, "context": alert})
    for subject in ("Welcome", "New todo", "Reset your password", "For you", "access token"):
        mailcatcher.wait_for_mail(email, subject)
    return person


@pytest.fixture
def mongo(mongodb: MongoDB) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongodb.uri) as client:
        yield client


@pytest.fixture
def tables(postgresql: PostgreSQL) -> Iterator[Callable[[], dict[str, str]]]:
    """Every table's content as text."""
    connection = psycopg2.connect(
        host="127.0.0.1", port=postgresql.port, user="postgres", password="postgres", dbname="users_db"
    )
    connection.autocommit = True

    def read() -> dict[str, str]:
        found = {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table)))
                found[table] = "\n".join(row[0] for row in cursor.fetchall())
        return found

    yield read
    connection.close()


def documents(mongo: MongoClient[dict[str, Any]]) -> dict[str, str]:
    """The suite's collections of all databases, as text."""
    return {
        f"{database}.{name}": repr(list(mongo[database][name].find()))
        for database in mongo.list_database_names()
        if database not in OF_MONGODB
        for name in mongo[database].list_collection_names()
    }


def places(found: dict[str, str], *words: str) -> set[str]:
    """Where one of these words is."""
    return {place for place, text in found.items() if any(word.lower() in text.lower() for word in words)}


def test_all_that_is_kept_can_be_taken_along_and_has_no_secret_in_it(person: Client, admin: Client) -> None:
    answer = person.get(EXPORT)
    found = answer.json()

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="export.json"'
    assert found["user"]["email"] == person.user["email"]
    assert [one["current"] for one in found["sessions"]] == [True]
    assert [one["name"] for one in found["access_tokens"]] == ["Script"]
    assert [one["title"] for one in found["todos"]] == ["Buy milk"]
    assert [one["title"] for one in found["trash"]] == ["Sell the cow"]
    assert {"welcome", "todo_created", "todo_deleted", "password_reset"} <= {
        one["template"] for one in found["messages"]
    }
    assert {one["user_id"] for one in found["messages"]} == {person.user["id"]}
    assert [(one["event"], one["outcome"]) for one in found["audit"]] == [
        ("data_exported", "succeeded"), ("login", "refused"), ("password_reset_requested", "succeeded"),
        ("token_made", "succeeded"), ("login", "succeeded"), ("registered", "succeeded"),
    ]  # fmt: skip
    for secret in ("token_hash", "password_hash", "sealed", "$2b$", person.token, person.refresh_token):
        assert secret not in answer.text
    assert not any(one["context"].get("reset_token", "").startswith("ey") for one in found["messages"])


def test_an_export_has_every_page_of_a_long_list_and_not_where_administrators_act_from(
    ada: Client, admin: Client
) -> None:
    for _ in range(2):
        ops = [{"op": "create", "title": f"Todo {number}"} for number in range(60)]
        assert ada.post("/api/todos/bulk", {"ops": ops}).status_code == 200
    admin.patch(f"/api/users/{ada.user['id']}", {"disabled": True})
    admin.patch(f"/api/users/{ada.user['id']}", {"disabled": False})
    found = ada.login().get(EXPORT).json()

    assert len({one["id"] for one in found["todos"]}) == 120
    acted = {one["event"]: one["ip"] for one in found["audit"]}
    assert (acted["user_disabled"], acted["registered"]) == (None, "127.0.0.1")


def test_of_a_deleted_account_nothing_is_left_but_the_audit_log(
    person: Client, admin: Client, mongo: Any, tables: Any, eventually: Any
) -> None:
    words = (person.user["id"], person.user["email"], person.user["name"])
    assert {
        "users",
        "sessions",
        "access_tokens",
        "second_factors",
        "one_time_tokens",
        "audit_origins",
    } <= places(tables(), *words)
    assert {"todos.todos", "messaging.messages", "messaging.contacts"} <= places(documents(mongo), *words)
    assert person.delete("/api/users/me").status_code == 204

    eventually(lambda: places(documents(mongo), *words) == set())
    eventually(lambda: places(tables(), *words) == {"audit"})
    assert places(tables(), *words[1:]) == set()
    lines = admin.get(f"/api/audit?user_id={person.user['id']}").json()
    assert lines[0]["event"] == "user_deleted"
    assert {one["ip"] for one in lines} | {one["user_agent"] for one in lines} == {None}
    assert words[1] not in json.dumps(lines)


def test_exports_are_rare(ada: Client) -> None:
    answers = [ada.get(EXPORT).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_nobody_else_takes_it_along(ada: Client, anyone: Client) -> None:
    assert anyone.get(EXPORT).status_code == 401
    made = ada.post("/api/users/me/tokens", {"name": "x", "scopes": ["profile:read"]}).json()
    assert Client(ada.base_url, made["token"]).get(EXPORT).status_code == 403
