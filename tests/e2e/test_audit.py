"""What an administrator reads of what has happened to accounts."""

from tests.e2e.client import PASSWORD, Client


def test_a_story_of_an_account_is_read_from_the_audit_log(ada: Client, anyone: Client, admin: Client) -> None:
    email, path = ada.user["email"], f"/api/audit?user_id={ada.user['id']}"
    wrong = anyone.post(
        "/api/auth/login", {"email": email, "password": "wrong horse battery"},
        headers={"User-Agent": "Burglar/1.0", "X-Request-ID": "a-try"},
    )  # fmt: skip
    change = ada.post(
        "/api/auth/password/change", {"current_password": "a guess", "new_password": "staple battery"}
    )
    gone = ada.delete("/api/users/me")
    told = admin.get(path)

    assert (wrong.status_code, change.status_code, gone.status_code) == (401, 422, 204)
    assert [(one["event"], one["outcome"], one["actor_id"]) for one in told.json()] == [
        ("user_deleted", "succeeded", ada.user["id"]),
        ("password_changed", "refused", None),
        ("login", "refused", None),
        ("login", "succeeded", ada.user["id"]),
        ("registered", "succeeded", ada.user["id"]),
    ]
    assert told.json()[2]["request_id"] == "a-try"
    assert {one["ip"] for one in told.json()} == {None}
    assert email not in told.text


def test_address_and_program_are_told_while_there_is_an_account(anyone: Client, admin: Client) -> None:
    bob = anyone.register("Bob")
    anyone.post(
        "/api/auth/login", {"email": bob.user["email"], "password": PASSWORD + "!"},
        headers={"User-Agent": "Burglar/1.0"},
    )  # fmt: skip
    refused = admin.get(f"/api/audit?user_id={bob.user['id']}&event=login&limit=1").json()[0]

    assert (refused["ip"], refused["user_agent"]) == ("127.0.0.1", "Burglar/1.0")
    assert refused["details"] == {"reason": "wrong_password"}


def test_the_audit_log_is_an_administrators_matter(ada: Client, anyone: Client, admin: Client) -> None:
    first = admin.get("/api/audit?limit=1")
    following = admin.call("GET", first.links["next"]["url"].removeprefix(admin.base_url))

    assert (ada.get("/api/audit").status_code, anyone.get("/api/audit").status_code) == (403, 401)
    assert int(following.json()[0]["id"]) < int(first.json()[0]["id"])
    assert admin.get("/api/audit?event=coffee").status_code == 422
    assert admin.get("/api/audit?event=login&event=registered").status_code == 400
