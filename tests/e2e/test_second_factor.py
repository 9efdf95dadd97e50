"""Two factors: switched on with an app, asked for at each login, and taken away when the phone is lost."""

import time
from typing import Any

import pyotp
import pytest

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client

FACTOR, SECOND = "/api/auth/second-factor", "/api/auth/login/second-factor"


class Phone:
    """An authenticator app. Each code that it shows is a new one, as if time had gone on."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._step = int(time.time()) // 30 - 2

    def code(self) -> str:
        """The next code that is good: a clock may differ by a step."""
        self._step = max(self._step + 1, int(time.time()) // 30 - 1)
        return self._totp.generate_otp(self._step)


def switched_on(client: Client) -> tuple[Phone, list[str]]:
    """The phone and the recovery codes of a client whose second factor is on."""
    made = client.post(FACTOR, {"current_password": PASSWORD})
    assert made.status_code == 201, made.text
    phone = Phone(made.json()["secret"])
    confirmed = client.post(f"{FACTOR}/confirm", {"code": phone.code()})
    assert confirmed.status_code == 200, confirmed.text
    return phone, confirmed.json()["recovery_codes"]


def asked(anyone: Client, email: str) -> str:
    """The challenge of a login with the right password."""
    answer = anyone.post("/api/auth/login", {"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_required"), answer.text
    assert "access_token" not in answer.json()
    return str(answer.json()["challenge"])


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_a_login_takes_a_code_once_two_factors_are_on(
    ada: Client, anyone: Client, mailcatcher: MailCatcher
) -> None:
    email, tablet = ada.user["email"], anyone.login(ada.user["email"])
    phone, _ = switched_on(ada)
    assert tablet.get("/api/todos").json()["code"] == "token_revoked"
    assert ada.get(FACTOR).json()["enabled"] is True
    mailcatcher.wait_for_mail(email, "Two-factor authentication is on")

    challenge, code = asked(anyone, email), phone.code()
    assert told(anyone.post(SECOND, {"challenge": challenge, "code": "000000"})) == (401, "invalid_code")
    pair = anyone.post(SECOND, {"challenge": challenge, "code": code})
    assert pair.status_code == 200, pair.text
    assert Client(anyone.base_url, pair.json()["access_token"]).get("/api/todos").status_code == 200
    # Who has looked over the shoulder comes too late.
    assert told(anyone.post(SECOND, {"challenge": challenge, "code": code})) == (401, "invalid_code")
    assert Client(anyone.base_url, challenge).get("/api/todos").status_code == 401


def test_a_recovery_code_opens_the_account_once_and_an_administrator_resets_the_rest(
    ada: Client, anyone: Client, admin: Client, mailcatcher: MailCatcher
) -> None:
    email = ada.user["email"]
    _, codes = switched_on(ada)
    for status in (200, 401):
        answer = anyone.post(SECOND, {"challenge": asked(anyone, email), "code": codes[0].lower()})
        assert answer.status_code == status
    assert ada.get(FACTOR).json()["recovery_codes_left"] == 9

    path = f"/api/users/{ada.user['id']}/second-factor"
    assert ada.delete(path).status_code == 403
    assert admin.delete(path).status_code == 204
    assert ada.get("/api/todos").status_code == 401
    assert anyone.login(email).get(FACTOR).json() == {
        "enabled": False, "confirmed_at": None, "recovery_codes_left": 0,
    }  # fmt: skip
    mailcatcher.wait_for_mail(email, "Two-factor authentication was reset")


def test_it_is_switched_off_with_a_code_and_not_with_a_stolen_token_alone(ada: Client) -> None:
    phone, codes = switched_on(ada)
    for wrong in ("000000", "", "x" * 64):
        assert ada.post(f"{FACTOR}/disable", {"code": wrong}).json()["errors"].keys() == {"code"}
    renewed = ada.post(f"{FACTOR}/recovery-codes", {"code": phone.code()})
    assert set(renewed.json()["recovery_codes"]).isdisjoint(codes)
    assert ada.post(f"{FACTOR}/disable", {"code": codes[0]}).status_code == 422
    assert ada.post(f"{FACTOR}/disable", {"code": renewed.json()["recovery_codes"][0]}).status_code == 204
    assert ada.get(FACTOR).json()["enabled"] is False


def test_to_begin_takes_the_password_and_to_confirm_a_code(ada: Client) -> None:
    wrong = ada.post(FACTOR, {"current_password": "a guess"})
    early = ada.post(f"{FACTOR}/confirm", {"code": "123456"})
    made = ada.post(FACTOR, {"current_password": PASSWORD})
    unconfirmed = ada.post(f"{FACTOR}/confirm", {"code": "000000"})

    assert (told(wrong), wrong.json()["errors"].keys()) == ((422, "validation_failed"), {"current_password"})
    assert early.status_code == unconfirmed.status_code == 422
    assert made.json()["uri"].startswith("otpauth://totp/")
    assert made.json()["qr_svg"].startswith("<svg")
    assert ada.login().user["id"] == ada.user["id"]


@pytest.mark.parametrize(
    "body", [{}, {"challenge": "x"}, {"challenge": 1, "code": 2}, {"code": "1" * 65}, []]
)
def test_half_a_second_login_is_refused(anyone: Client, body: Any) -> None:
    assert anyone.post(SECOND, body).status_code == 422


def test_a_challenge_ends_with_the_password_that_it_was_given_for(ada: Client, anyone: Client) -> None:
    phone, _ = switched_on(ada)
    challenge = asked(anyone, ada.user["email"])
    change = {"current_password": PASSWORD, "new_password": "staple battery horse"}
    assert ada.post("/api/auth/password/change", change).status_code == 204
    late = anyone.post(SECOND, {"challenge": challenge, "code": phone.code()})
    assert told(late) == (401, "invalid_challenge")
    assert told(anyone.post(SECOND, {"challenge": "x", "code": "1"})) == (401, "invalid_challenge")
