"""Who may do what: public, authenticated, by role, by ownership."""

from typing import Any

from pymongo import MongoClient

from ops.engines import MongoDB
from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client


def test_a_user_sees_and_changes_only_their_own_profile(ada: Client, bob: Client) -> None:
    renamed = ada.patch("/api/users/me", {"name": "Ada Lovelace"})
    foreign = [
        bob.call(method, f"/api/users/{ada.user['id']}", json={"name": "x", "email": "x@example.com"})
        for method in ("GET", "PATCH", "PUT", "DELETE")
    ]

    assert renamed.json()["name"] == "Ada Lovelace"
    assert ada.get("/users/me").json() == ada.get(f"/api/users/{ada.user['id']}").json() == renamed.json()
    assert [answer.status_code for answer in foreign] == [404] * 4


def test_nobody_gives_themselves_a_role(ada: Client) -> None:
    refused = ada.patch("/api/users/me", {"role": "admin"})

    assert refused.status_code == 403
    assert ada.get("/api/users/me").json()["role"] == "user"


def test_only_an_administrator_lists_users_page_by_page(ada: Client, bob: Client, admin: Client) -> None:
    first = admin.get("/api/users?limit=1&count=true")
    second = admin.call("GET", first.links["next"]["url"].removeprefix(admin.base_url))
    found = admin.get(f"/api/users?q={ada.user['email'][:8]}").json()

    assert ada.get("/api/users").status_code == 403
    assert int(first.headers["X-Total-Count"]) >= 3
    assert first.json()[0]["id"] != second.json()[0]["id"]
    assert [user["id"] for user in found] == [ada.user["id"]]


def test_an_administrator_changes_roles_and_disables_accounts(ada: Client, admin: Client) -> None:
    path = f"/api/users/{ada.user['id']}"
    promoted = admin.patch(path, {"role": "admin"})
    demoted = admin.patch(path, {"role": "user", "disabled": True})
    login = ada.post("/api/auth/login", {"email": ada.user["email"], "password": PASSWORD})

    assert (promoted.json()["role"], demoted.json()["role"]) == ("admin", "user")
    assert demoted.json()["disabled"] is True
    assert login.status_code == 401


def test_an_administrator_ends_the_sessions_of_others_at_once(
    ada: Client, anyone: Client, admin: Client
) -> None:
    path = f"/api/users/{ada.user['id']}/sessions"
    tablet = anyone.login(ada.user["email"])
    first, second = admin.get(path).json()
    assert [first["current"], second["current"], first["ip"]] == [False, False, "127.0.0.1"]
    assert admin.delete(f"{path}/{first['id']}").status_code == 204
    assert sorted(one.get("/api/todos").status_code for one in (ada, tablet)) == [200, 401]

    assert admin.delete(path).status_code == 204
    refused = [one.get("/api/todos") for one in (ada, tablet)]
    assert [one.json()["code"] for one in refused] == ["token_revoked"] * 2
    assert ada.post("/api/auth/refresh", {"refresh_token": ada.refresh_token}).status_code == 401
    assert admin.get(path).json() == []
    line = admin.get(f"/api/audit?user_id={ada.user['id']}&event=all_sessions_ended").json()[0]
    assert (line["actor_id"], line["details"]) == (admin.user["id"], {"sessions": 1})


def test_the_last_administrator_can_not_go(admin: Client) -> None:
    path = f"/api/users/{admin.user['id']}"
    answers = [admin.delete(path), admin.patch(path, {"role": "user"}), admin.patch(path, {"disabled": True})]

    assert [answer.status_code for answer in answers] == [409] * 3


def test_another_users_todos_are_not_there_for_administrators_either(ada: Client, admin: Client) -> None:
    todo = ada.todo()

    assert admin.get(f"/api/todos/{todo['id']}").status_code == 404
    assert todo["id"] not in [one["id"] for one in admin.get("/api/todos").json()]


def test_deleting_an_account_takes_todos_and_messages_with_it(
    ada: Client, admin: Client, mailcatcher: MailCatcher, mongodb: MongoDB, eventually
) -> None:
    ada.todo()
    mailcatcher.wait_for_mail(ada.user["email"], "New todo")
    gone = ada.delete("/api/users/me")
    login = ada.post("/api/auth/login", {"email": ada.user["email"], "password": PASSWORD})

    assert gone.status_code == 204
    assert login.status_code == 401
    assert ada.get("/api/todos").status_code == 401
    with MongoClient[dict[str, Any]](mongodb.uri) as client:
        eventually(lambda: client.todos.todos.count_documents({"user_id": ada.user["id"]}) == 0)
    eventually(lambda: admin.get(f"/api/messages?recipient={ada.user['email']}").json() == [])


def test_messages_are_an_administrators_matter(ada: Client, admin: Client, mailcatcher: MailCatcher) -> None:
    body = {
        "template": "system_alert",
        "recipient": ada.user["email"],
        "context": {"title": "Maintenance <tonight>", "message": "From ten to eleven."},
        "idempotency_key": ada.user["id"],
    }
    refused = ada.post("/api/messages", body)
    first = admin.post("/api/messages", body)
    again = admin.post("/api/messages", body)
    other = admin.post("/api/messages", {**body, "context": {"title": "x", "message": "y"}})
    mail = mailcatcher.wait_for_mail(ada.user["email"], "Maintenance")

    assert refused.status_code == 403
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    assert first.json()["id"] == again.json()["id"] == mail["headers"]["X-Message-Id"]
    assert len(mailcatcher.mails(ada.user["email"], "Maintenance")) == 1


def test_a_refresh_token_is_good_for_one_new_pair_and_a_logout_ends_the_session(ada: Client) -> None:
    pair = ada.post("/api/auth/refresh", {"refresh_token": ada.refresh_token})
    sessions = ada.get("/api/auth/sessions").json()
    out = ada.post("/api/auth/logout")
    late = ada.post("/api/auth/refresh", {"refresh_token": pair.json()["refresh_token"]})

    assert pair.status_code == 200
    assert [one["current"] for one in sessions] == [True]
    assert out.status_code == 204
    assert late.status_code == 401
