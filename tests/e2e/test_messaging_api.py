"""The messaging service's own HTTP API says the same as the gateway's."""

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import Client
from tests.suite import Suite


def test_messages_can_be_asked_of_the_messaging_service_itself(
    suite: Suite, admin: Client, ada: Client, mailcatcher: MailCatcher
) -> None:
    here = Client(suite.url_of("messaging"), admin.token)
    body = {
        "template": "system_alert",
        "recipient": ada.user["email"],
        "context": {"title": "Hi", "message": "."},
    }
    accepted = here.post("/messages", body)
    mailcatcher.wait_for_mail(ada.user["email"], "Hi")
    path = f"/messages/{accepted.json()['id']}"

    assert accepted.status_code == 202
    assert here.get(path).json()["recipient"] == admin.get(f"/api{path}").json()["recipient"]
    assert {one["id"] for one in here.get("/messages?limit=5").json()} & {accepted.json()["id"]}


def test_strangers_and_users_get_no_further_there_than_at_the_gateway(suite: Suite, ada: Client) -> None:
    url = suite.url_of("messaging")

    assert Client(url).get("/messages").status_code == 401
    assert Client(url, ada.token).get("/messages").status_code == 403


def test_the_queues_are_listed_with_their_consumers(admin: Client) -> None:
    queues = {queue["name"]: queue for queue in admin.get("/api/messages/queues").json()}

    assert queues["rpc-todos"]["consumers"] == 1
    assert queues["evt-users-user_registered--messaging.handle_user_registered"]["consumers"] == 1
    assert queues["dead-letters"]["messages"] >= 0
