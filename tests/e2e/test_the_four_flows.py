"""The flows of the commissioning document: a call, the data, and the mail that follows."""

import re
import statistics
import time
from datetime import timedelta

from common import clock
from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client, new_email
from tests.suite import Suite


def test_from_a_registration_to_its_mail_it_takes_less_than_two_seconds(
    anyone: Client, mailcatcher: MailCatcher
) -> None:
    def seconds() -> float:
        started = time.monotonic()
        mailcatcher.wait_for_mail(anyone.register().user["email"])
        return time.monotonic() - started

    assert statistics.median(seconds() for _ in range(5)) < 2


def test_registration_makes_a_user_and_sends_a_welcome_mail_with_a_link(
    anyone: Client, mailcatcher: MailCatcher
) -> None:
    email = new_email()
    answer = anyone.post("/api/auth/register", {"email": email, "password": PASSWORD, "name": "Ada <b>"})
    user = answer.json()["user"]
    mail = mailcatcher.wait_for_mail(email)

    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/api/users/{user['id']}")
    assert set(user) == {"id", "email", "name", "role", "email_verified", "created_at"}
    assert user["role"] == "user"
    assert "Welcome" in mail["subject"]
    assert re.search(r"/verify-email\?token=[\w-]{40,}", mail["text"])
    assert "Ada &lt;b&gt;" in mail["html"]
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"


def test_the_link_of_the_welcome_mail_confirms_the_address_once(
    anyone: Client, mailcatcher: MailCatcher
) -> None:
    account = anyone.register()
    mail = mailcatcher.wait_for_mail(account.user["email"])
    token = re.search(r"\?token=([\w-]+)", mail["text"])[1]

    first = anyone.post("/api/auth/email/verify", {"token": token})
    second = anyone.post("/api/auth/email/verify", {"token": token})

    assert (first.status_code, second.status_code) == (204, 400)
    assert account.login().user["email_verified"] is True


def test_login_gives_a_token_that_works_and_sends_a_welcome_back_mail(
    anyone: Client, mailcatcher: MailCatcher
) -> None:
    account = anyone.register("Ada")
    answer = anyone.post("/api/auth/login", {"email": account.user["email"].upper(), "password": PASSWORD})
    pair = answer.json()
    me = Client(anyone.base_url, pair["access_token"]).get("/api/users/me")
    mail = mailcatcher.wait_for_mail(account.user["email"], "Welcome back")

    assert answer.status_code == 200
    assert pair["token_type"] == "Bearer"
    assert pair["expires_in"] == 24 * 3600
    assert me.json()["id"] == account.user["id"] == pair["user"]["id"]
    assert "Ada" in mail["text"]


def test_each_change_of_a_todo_is_kept_and_told_by_one_mail(ada: Client, mailcatcher: MailCatcher) -> None:
    todo = ada.todo(title="Buy <milk>", tags=["shop"])
    path = f"/api/todos/{todo['id']}"
    renamed = ada.patch(path, {"title": "Buy oat milk"})
    completed = ada.patch(path, {"completed": True})
    deleted = ada.delete(path)
    subjects = ["New todo", "Updated", "Completed", "Deleted"]
    mails = {subject: mailcatcher.wait_for_mail(ada.user["email"], subject) for subject in subjects}

    assert renamed.json()["title"] == "Buy oat milk"
    assert completed.json()["status"] == "completed"
    assert completed.json()["completed_at"]
    assert deleted.status_code == 204
    assert ada.get(path).status_code == 404
    assert "Buy &lt;milk&gt;" in mails["New todo"]["html"]
    todo_mails = [one for one in mailcatcher.mails(ada.user["email"]) if "Welcome" not in one["subject"]]
    assert len(todo_mails) == len(subjects)


def test_the_owner_of_a_todo_that_is_due_soon_is_reminded_by_mail(
    ada: Client, mailcatcher: MailCatcher
) -> None:
    soon = clock.now() + timedelta(minutes=10)
    todo = ada.todo(title="Buy milk", due_at=clock.to_text(soon))
    mail = mailcatcher.wait_for_mail(ada.user["email"], "Reminder: Buy milk")

    assert "Do not forget this todo" in mail["text"]
    assert ada.get(f"/api/todos/{todo['id']}").json() == todo


def test_a_mail_has_its_messages_id_and_the_ledger_knows_that_it_was_sent(
    ada: Client, admin: Client, mailcatcher: MailCatcher
) -> None:
    ada.todo()
    mail = mailcatcher.wait_for_mail(ada.user["email"], "New todo")
    message_id = mail["headers"]["X-Message-Id"]
    entry = _eventually_sent(admin, message_id)

    assert mail["headers"]["Message-ID"].startswith(f"<{message_id}@")
    assert entry["template"] == "todo_created"
    assert [attempt["outcome"] for attempt in entry["attempts"]] == ["sent"]


def test_health_tells_of_every_service_and_its_dependencies(anyone: Client, suite: Suite) -> None:
    answer = anyone.get("/health")
    report = answer.json()

    assert answer.status_code == 200
    assert report["status"] == "pass"
    assert set(report["services"]) == {"auth", "users", "todos", "messaging", "notifications"}
    assert report["services"]["users"]["dependencies"]["postgresql"]["status"] == "pass"
    assert {one["dependencies"]["revocations"]["status"] for one in report["services"].values()} == {"pass"}
    assert report["services"]["todos"]["dependencies"]["mongodb"]["status"] == "pass"
    assert report["services"]["notifications"]["dependencies"]["smtp"]["status"] == "pass"
    assert all(service["instances"] == 1 for service in report["services"].values())


def _eventually_sent(admin: Client, message_id: str) -> dict:
    end = time.monotonic() + 5
    while True:
        entry = admin.get(f"/api/messages/{message_id}").json()
        if entry.get("status") == "sent" or time.monotonic() > end:
            return entry
        time.sleep(0.05)
