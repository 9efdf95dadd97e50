"""Chatter that a user has switched off, one-click unsubscribe, and mails in the user's language."""

import time
from typing import Any

import pytest
import requests

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client, new_email
from tests.suite import Suite

ALL = {"todo_mails": True, "login_mails": True}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def settled() -> None:
    """Give events the time to arrive, and mails that should not come the time to come."""
    time.sleep(0.5)


def wish(user: Client, **changes: Any) -> None:
    """Change the profile, and wait until the messaging service has heard of it."""
    assert user.patch("/api/users/me", changes).status_code == 200
    settled()


def one_click_link(suite: Suite, mail: dict[str, Any]) -> str:
    """Where a mail program posts to: the link of the header, at this suite's gateway."""
    link = mail["headers"]["List-Unsubscribe"].strip("<>")
    _, _, query = link.partition("/unsubscribe?")
    return f"{suite.url}/unsubscribe?{query}"


def test_locale_and_preferences_are_part_of_the_profile(ada: Client, bob: Client, admin: Client) -> None:
    before = ada.get("/api/users/me").json()
    changed = ada.patch("/api/users/me", {"locale": "de-at", "preferences": {"todo_mails": False}})
    seen = admin.get(f"/api/users/{ada.user['id']}").json()

    assert (before["locale"], before["preferences"]) == ("en", ALL)
    assert changed.status_code == 200
    assert (changed.json()["locale"], changed.json()["preferences"]) == (
        "de-AT",
        {**ALL, "todo_mails": False},
    )
    assert seen["preferences"] == changed.json()["preferences"]
    assert bob.get("/api/users/me").json()["preferences"] == ALL


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"locale": "german"}, "locale"),
        ({"preferences": {"todo_mails": "no"}}, "preferences.todo_mails"),
        ({"preferences": {"password_mails": False}}, "preferences.password_mails"),
    ],
)
def test_a_wish_that_is_none_is_refused_by_field(ada: Client, body: Any, field: str) -> None:
    refused = ada.patch("/api/users/me", body)

    assert refused.status_code == 422
    assert list(refused.json()["errors"]) == [field]


def test_chatter_that_is_switched_off_does_not_come_and_can_be_switched_on_again(
    ada: Client, admin: Client, mailcatcher: MailCatcher
) -> None:
    mailcatcher.wait_for_mail(ada.user["email"], "Welcome back")
    wish(ada, preferences={"todo_mails": False, "login_mails": False})
    todo = ada.todo(title="quiet")
    ada.delete(f"/api/todos/{todo['id']}")
    ada.login()
    settled()
    subjects = {mail["subject"] for mail in mailcatcher.mails(ada.user["email"])}
    ledger = admin.get(f"/api/messages?recipient={ada.user['email']}").json()
    wish(ada, preferences={"todo_mails": True})
    ada.todo(title="loud")

    assert subjects == {"Welcome, Ada", "Welcome back, Ada (new device)"}
    assert {message["template"] for message in ledger} == {"welcome", "welcome_back"}
    mailcatcher.wait_for_mail(ada.user["email"], "New todo: loud")
    assert mailcatcher.mails(ada.user["email"], "quiet") == []


def test_mails_about_security_come_whatever_is_switched_off_and_offer_no_way_to_unsubscribe(
    ada: Client, admin: Client, mailcatcher: MailCatcher
) -> None:
    wish(ada, preferences=dict.fromkeys(ALL, False))
    context = {"name": "Ada", "changed_at": "2030-01-31T12:00:00Z"}
    admin.post(
        "/api/messages", {"template": "password_changed", "recipient": ada.user["email"], "context": context}
    )
    mails = [
        mailcatcher.wait_for_mail(ada.user["email"], subject)
        for subject in ("Your password was changed", "Welcome, Ada")
    ]

    for mail in mails:
        assert "List-Unsubscribe" not in mail["headers"]
        assert "unsubscribe" not in (mail["text"] + mail["html"]).lower()


def test_one_click_switches_off_what_the_mail_was_about_and_does_so_again(
    suite: Suite, ada: Client, mailcatcher: MailCatcher
) -> None:
    ada.todo(title="first")
    mail = mailcatcher.wait_for_mail(ada.user["email"], "first")
    link = one_click_link(suite, mail)
    answers = [
        requests.post(link, data=ONE_CLICK, timeout=15),
        requests.post(link, files={"List-Unsubscribe": (None, "One-Click")}, timeout=15),
        requests.post(link, timeout=15),
    ]
    settled()
    ada.todo(title="second")
    settled()

    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["headers"]["List-Unsubscribe"].strip("<>") in mail["text"]
    assert [answer.status_code for answer in answers] == [204] * 3
    assert not any(answer.content or answer.cookies for answer in answers)
    assert ada.get("/api/users/me").json()["preferences"] == {**ALL, "todo_mails": False}
    assert mailcatcher.mails(ada.user["email"], "second") == []


def test_to_follow_the_link_changes_nothing_and_its_button_does(
    suite: Suite, ada: Client, mailcatcher: MailCatcher
) -> None:
    mail = mailcatcher.wait_for_mail(ada.user["email"], "Welcome back")
    link = one_click_link(suite, mail)
    wish(ada, locale="de")
    pages = [
        requests.get(link, headers=BROWSER, timeout=15),
        requests.get(link, timeout=15),
        requests.head(link, timeout=15),
    ]
    untouched = ada.get("/api/users/me").json()["preferences"]
    done = requests.post(link, data=ONE_CLICK, headers=BROWSER, timeout=15)

    assert [page.status_code for page in pages] == [200] * 3
    assert '<form method="post">' in pages[0].text
    assert "E-Mails zu deinen Anmeldungen" in pages[0].text
    assert "default-src 'none'" in pages[0].headers["Content-Security-Policy"]
    assert pages[0].headers["Referrer-Policy"] == "no-referrer"
    assert untouched == ALL
    assert (done.status_code, done.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "abbestellt" in done.text
    assert ada.get("/api/users/me").json()["preferences"] == {**ALL, "login_mails": False}


@pytest.mark.parametrize("query", ["", "?token=", "?token=nonsense", "?token=a.b.c", "?token=" + "x" * 3000])
def test_a_link_that_is_none_is_a_bad_request(suite: Suite, query: str) -> None:
    for method in ("GET", "POST"):
        refused = requests.request(method, f"{suite.url}/unsubscribe{query}", timeout=15)

        assert refused.status_code == 400
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["code"] == "invalid_token"


def test_an_access_token_is_no_link_and_a_link_lets_nobody_in(
    suite: Suite, ada: Client, mailcatcher: MailCatcher
) -> None:
    link = one_click_link(suite, mailcatcher.wait_for_mail(ada.user["email"], "Welcome back"))
    stranger = Client(suite.url, link.partition("token=")[2])

    assert requests.post(f"{suite.url}/unsubscribe?token={ada.token}", timeout=15).status_code == 400
    assert stranger.get("/api/users/me").status_code == 401


def test_no_links_secret_is_in_the_log(suite: Suite, ada: Client, mailcatcher: MailCatcher) -> None:
    link = one_click_link(suite, mailcatcher.wait_for_mail(ada.user["email"], "Welcome back"))
    requests.get(link, timeout=15)
    requests.post(link, data=ONE_CLICK, timeout=15)

    assert link.rpartition(".")[2] not in suite.logs()


@pytest.mark.parametrize(
    ("named", "accepted", "locale", "greeting"),
    [
        ("de-CH", "en", "de-CH", "Willkommen, Ada"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de", "Willkommen, Ada"),
        (None, "fr, de-CH;q=0.7, en;q=0.5, *;q=0.1", "de", "Willkommen, Ada"),
        (None, "fr-FR,fr;q=0.9,de;q=0", "en", "Welcome, Ada"),
        ("fr", "de", "fr", "Welcome, Ada"),
        (None, None, "en", "Welcome, Ada"),
    ],
)
def test_the_first_mail_is_in_the_language_of_the_registration_or_else_in_english(
    anyone: Client, mailcatcher: MailCatcher, named: str, accepted: str, locale: str, greeting: str
) -> None:
    email = new_email()
    body = {"email": email, "password": PASSWORD, "name": "Ada", **({"locale": named} if named else {})}
    headers = {"Accept-Language": accepted} if accepted else {}
    answer = anyone.post("/api/auth/register", body, headers=headers)
    mail = mailcatcher.wait_for_mail(email)

    assert answer.status_code == 201
    assert "locale" not in answer.json()["user"]
    assert anyone.login(email).get("/api/users/me").json()["locale"] == locale
    assert mail["subject"] == greeting


def test_a_german_user_gets_german_mails_from_the_change_of_the_profile_on(
    ada: Client, mailcatcher: MailCatcher
) -> None:
    wish(ada, locale="de")
    ada.todo(title="Milch kaufen", priority="high", due_at="2030-01-31T12:00:00Z")
    mail = mailcatcher.wait_for_mail(ada.user["email"], "Neue Aufgabe: Milch kaufen")

    assert "Hallo Ada," in mail["text"]
    assert "Offen, hohe Priorität, fällig am 31. Januar 2030, 12:00 Uhr (UTC)" in mail["text"]
    assert '<html lang="de">' in mail["html"]
    assert "Diese E-Mails abbestellen" in mail["html"]


def test_an_administrator_previews_a_mail_at_the_gateway_and_at_the_messaging_service(
    suite: Suite, admin: Client
) -> None:
    path = "/messages/templates/welcome/preview"
    here, there = admin.get(f"/api{path}"), Client(suite.url_of("messaging"), admin.token).get(path)
    german = admin.get(f"/api{path}?locale=de-AT").json()
    text = admin.get(f"/api{path}?format=text&locale=fr", headers={"Accept": "text/plain"})
    page = admin.get(f"/api{path}?format=html", headers=BROWSER)

    assert (here.status_code, there.status_code) == (200, 200)
    assert here.json() == there.json()
    assert set(here.json()) == {"subject", "text", "html"}
    assert german["subject"] == "Willkommen, Ada"
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.text == here.json()["text"]
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.text == here.json()["html"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert "script" not in page.headers["Content-Security-Policy"]


def test_a_preview_of_nothing_is_refused_and_users_see_none(
    suite: Suite, ada: Client, anyone: Client, admin: Client
) -> None:
    path = "/api/messages/templates/welcome/preview"
    wrong = [admin.get(f"{path}?{query}") for query in ("format=pdf", "locale=german", "color=red")]

    assert admin.get("/api/messages/templates/nothing/preview").status_code == 404
    assert [answer.status_code for answer in wrong] == [422] * 3
    assert (ada.get(path).status_code, anyone.get(path).status_code) == (403, 401)
    assert Client(suite.url_of("messaging"), ada.token).get(path.removeprefix("/api")).status_code == 403
