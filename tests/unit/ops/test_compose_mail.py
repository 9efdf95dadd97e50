"""Where the containers' mail goes: to the server that is named, and else to the mail catcher."""

import pytest

from services.notifications.smtp_settings import SmtpSettings
from tests.unit.ops.compose_file import SECRETS, config_of, load

GMAIL = {"EMAIL_SERVICE": "gmail", "EMAIL_USER": "me@example.org", "EMAIL_PASS": "secret"}


@pytest.mark.parametrize("env", ["development", "production"])
@pytest.mark.parametrize(
    ("given", "server"),
    [
        ({}, ("mailcatcher", 25, "none")),
        ({"EMAIL_FROM": "Todos <todos@example.org>"}, ("mailcatcher", 25, "none")),
        (GMAIL, ("smtp.gmail.com", 465, "tls")),
        (GMAIL | {"SMTP_HOST": ""}, ("smtp.gmail.com", 465, "tls")),
        (
            GMAIL | {"SMTP_HOST": "relay.example.org", "SMTP_PORT": "587"},
            ("relay.example.org", 587, "starttls"),
        ),
        ({"SMTP_HOST": "relay.example.org"}, ("relay.example.org", 25, "none")),
        ({"SMTP_HOST": "relay.example.org", "SMTP_TLS": "tls"}, ("relay.example.org", 465, "tls")),
    ],
)
def test_mail_goes_to_the_server_that_is_named_and_else_to_the_catcher(
    given: dict[str, str], server: tuple[str, int, str], env: str, monkeypatch: pytest.MonkeyPatch
):
    config = config_of("notifications", SECRETS | given | {"ENV": env}, monkeypatch)
    found = SmtpSettings.from_config(config)
    assert (found.host, found.port, found.tls) == server


def test_the_catcher_listens_where_the_mail_goes():
    catcher = load()["services"]["mailcatcher"]
    assert catcher["command"][:2] == ["--smtp", "0.0.0.0:25"]
    assert catcher["sysctls"] == {"net.ipv4.ip_unprivileged_port_start": 0}
