"""A forgotten password, a changed one, and a link that is sent again."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client, new_email

NEW = "staple battery horse"
FORGOT, RESET, CHANGE = (f"/api/auth/password/{name}" for name in ("forgot", "reset", "change"))
RESEND = "/api/auth/email/resend"


def token_in(mail: dict[str, Any], page: str) -> str:
    """The secret of the mail's link to that page."""
    found = re.search(rf"/{page}\?token=([\w-]{{43,}})", mail["text"])
    assert found, mail["text"]
    return found[1]


def forgotten(anyone: Client, mailcatcher: MailCatcher, email: str) -> str:
    """The secret of the link that is mailed to who has forgotten a password."""
    assert anyone.post(FORGOT, {"email": email}).status_code == 202
    return token_in(mailcatcher.wait_for_mail(email, "Reset your password"), "reset-password")


def logs_in(anyone: Client, email: str, password: str) -> bool:
    """Whether that password opens the account."""
    answer = anyone.post("/api/auth/login", {"email": email, "password": password})
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def told_without_id(answer: Any) -> tuple[Any, ...]:
    """What an answer says, but for what differs from call to call."""
    own = ("Date", "X-Request-ID", "RateLimit", "RateLimit-Remaining", "RateLimit-Reset")
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status_code, answer.content, headers


def test_a_forgotten_password_is_set_anew_by_the_link_of_a_mail_and_ends_all_sessions(
    ada: Client, anyone: Client, mailcatcher: MailCatcher
) -> None:
    email = ada.user["email"]
    tablet = anyone.login(email)
    token = forgotten(anyone, mailcatcher, email)
    assert ada.get("/api/todos").status_code == 200

    assert anyone.post(RESET, {"token": token, "password": NEW}).status_code == 204
    for client in (ada, tablet):
        refused = client.get("/api/todos")
        assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")
        again = client.post("/api/auth/refresh", {"refresh_token": client.refresh_token})
        assert again.status_code == 401
    assert not logs_in(anyone, email, PASSWORD)
    assert logs_in(anyone, email, NEW)
    assert "127.0.0.1" in mailcatcher.wait_for_mail(email, "Your password was changed")["text"]

    late = anyone.post(RESET, {"token": token, "password": PASSWORD})
    assert (late.status_code, late.json()["code"]) == (400, "invalid_token")


def test_the_host_that_a_client_names_is_in_its_answers_and_in_no_mail(
    ada: Client, mailcatcher: MailCatcher
) -> None:
    named, email = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}, ada.user["email"]
    made = ada.post("/api/todos", {"title": "Buy milk"}, headers=named)
    assert made.headers["Location"].startswith("http://evil.example/")
    assert ada.post(FORGOT, {"email": email}, headers=named).status_code == 202

    for subject in ("Buy milk", "Reset your password"):
        mail = mailcatcher.wait_for_mail(email, subject)
        assert "http" in mail["text"]
        assert "evil.example" not in str(mail)


def test_a_password_that_is_refused_does_not_use_up_the_link(
    anyone: Client, mailcatcher: MailCatcher
) -> None:
    account = anyone.register("Ada Lovelace")
    email = account.user["email"]
    token = forgotten(anyone, mailcatcher, email)
    for refused in ("short", "x" * 129, email.upper(), "ada lovelace", None):
        answer = anyone.post(RESET, {"token": token, "password": refused})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["password"]), refused
    assert anyone.post(RESET, {"token": token, "password": NEW}).status_code == 204


def test_only_the_newest_link_is_good_and_none_after_a_change(
    ada: Client, anyone: Client, mailcatcher: MailCatcher, eventually: Callable[..., None]
) -> None:
    email = ada.user["email"]
    first = forgotten(anyone, mailcatcher, email)
    assert anyone.post(FORGOT, {"email": email.upper()}).status_code == 202
    eventually(lambda: len(mailcatcher.mails(email, "Reset your password")) == 2)
    second = token_in(mailcatcher.mails(email, "Reset your password")[0], "reset-password")
    assert first != second
    assert anyone.post(RESET, {"token": first, "password": NEW}).status_code == 400

    change = {"current_password": PASSWORD, "new_password": NEW}
    assert ada.post(CHANGE, change).status_code == 204
    assert anyone.post(RESET, {"token": second, "password": "another long one"}).status_code == 400


def test_whether_an_address_has_an_account_is_not_told_by_the_answer_nor_by_its_time(
    anyone: Client, admin: Client, mailcatcher: MailCatcher
) -> None:
    disabled = anyone.register()
    admin.patch(f"/api/users/{disabled.user['id']}", {"disabled": True})
    asked = {"known": anyone.register().user["email"], "disabled": disabled.user["email"]}
    asked |= {f"unknown {number}": new_email() for number in range(2)}
    # In turns, so that what else the machine does is shared by all.
    rounds = [{who: anyone.post(FORGOT, {"email": email}) for who, email in asked.items()} for _ in range(4)]

    told = [told_without_id(one) for answers in rounds for one in answers.values()]
    assert told == told[:1] * len(told)
    assert told[0][:2] == (202, b"")
    seconds = {who: min(answers[who].elapsed.total_seconds() for answers in rounds) for who in asked}
    assert min(seconds.values()) >= 0.25
    assert max(seconds.values()) - min(seconds.values()) < 0.1, seconds
    mailcatcher.wait_for_mail(asked["known"], "Reset your password")
    time.sleep(0.5)
    assert [who for who, email in asked.items() if mailcatcher.mails(email, "Reset")] == ["known"]


def test_mails_with_a_link_are_sent_so_often_and_no_more(anyone: Client) -> None:
    email = new_email()
    answers = [anyone.post(FORGOT, {"email": email}).status_code for _ in range(6)]
    assert answers == [202] * 5 + [429]


def test_a_changed_password_ends_all_other_sessions_and_only_those(
    ada: Client, anyone: Client, mailcatcher: MailCatcher
) -> None:
    email = ada.user["email"]
    tablet = anyone.login(email)
    assert ada.post(CHANGE, {"current_password": PASSWORD, "new_password": NEW}).status_code == 204

    assert (ada.get("/api/todos").status_code, tablet.get("/api/todos").status_code) == (200, 401)
    assert ada.post("/api/auth/refresh", {"refresh_token": ada.refresh_token}).status_code == 200
    assert (logs_in(anyone, email, PASSWORD), logs_in(anyone, email, NEW)) == (False, True)
    assert "127.0.0.1" in mailcatcher.wait_for_mail(email, "Your password was changed")["text"]


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("not my password", NEW, "current_password"),
        (PASSWORD, PASSWORD, "new_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "Ada Lovelace", "new_password"),
        (None, NEW, "current_password"),
    ],
    ids=["wrong", "the same", "too short", "the name", "none"],
)
def test_a_change_that_is_refused_is_told_by_field_and_logs_nobody_out(
    anyone: Client, current: Any, new: str, field: str
) -> None:
    account = anyone.register("Ada Lovelace")
    client, tablet = account.login(), account.login()
    answer = client.post(CHANGE, {"current_password": current, "new_password": new})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert [one.get("/api/todos").status_code for one in (client, tablet)] == [200, 200]
    assert logs_in(anyone, account.user["email"], PASSWORD)


def test_guesses_of_the_current_password_are_limited(ada: Client) -> None:
    guess = {"current_password": "not my password", "new_password": NEW}
    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(lambda _: ada.post(CHANGE, guess).status_code, range(12)))
    assert answers == [422] * 10 + [429] * 2
    assert ada.get("/api/todos").status_code == 200


def test_a_verification_link_is_sent_again_until_the_address_is_verified(
    ada: Client, anyone: Client, mailcatcher: MailCatcher
) -> None:
    email = ada.user["email"]
    old = token_in(mailcatcher.wait_for_mail(email, "Welcome, "), "verify-email")
    assert (ada.post(RESEND).status_code, anyone.post(RESEND).status_code) == (202, 401)
    new = token_in(mailcatcher.wait_for_mail(email, "Confirm your email"), "verify-email")
    verified = [anyone.post("/api/auth/email/verify", {"token": one}).status_code for one in (old, new)]
    assert verified == [400, 204]
    assert ada.get("/api/users/me").json()["email_verified"] is True

    assert ada.post(RESEND).status_code == 202
    time.sleep(0.5)
    assert len(mailcatcher.mails(email, "Confirm your email")) == 1


def test_another_address_is_confirmed_there_and_told_to_the_old_one(
    ada: Client, anyone: Client, mailcatcher: MailCatcher
) -> None:
    old, new = ada.user["email"], new_email()
    changed = ada.patch("/api/users/me", {"email": new})
    assert (changed.json()["email"], changed.json()["pending_email"]) == (old, new)
    assert new not in mailcatcher.wait_for_mail(old, "Another address was asked for")["text"]
    token = token_in(mailcatcher.wait_for_mail(new, "Confirm"), "verify-email")
    assert not logs_in(anyone, new, PASSWORD)

    assert anyone.post("/api/auth/email/verify", {"token": token}).status_code == 204
    assert new not in mailcatcher.wait_for_mail(old, "Your account has another address")["text"]
    me = ada.get("/api/users/me").json()
    assert (me["email"], me["pending_email"], me["email_verified"]) == (new, None, True)
    assert not logs_in(anyone, old, PASSWORD)
    assert logs_in(anyone, new, PASSWORD)
