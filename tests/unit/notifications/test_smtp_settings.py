"""Which server the settings name, and which line a mistake in them gets."""

from pathlib import Path
from typing import Any

import pytest

from services.notifications.smtp_providers import PROVIDER_NAMES, find_provider
from services.notifications.smtp_settings import SmtpSettings

EMPTY = dict.fromkeys(("service", "user", "password", "sender", "host", "port", "tls"), "")
LOGIN = {"user": "ada@example.com", "password": "secret"}


def read(environment: str = "development", **mail: Any) -> SmtpSettings:
    return SmtpSettings.from_config({"ENV": environment, "MAIL": EMPTY | mail})


def server(**mail: Any) -> tuple[str, int, str]:
    settings = read(**mail)
    return settings.host, settings.port, settings.tls


def test_development_uses_the_local_mail_catcher_when_nothing_is_set() -> None:
    assert server() == ("127.0.0.1", 1025, "none")
    assert SmtpSettings.from_config({}).port == 1025


def test_production_needs_to_be_told_where_mail_goes() -> None:
    with pytest.raises(ValueError, match=r"^SMTP_HOST or EMAIL_SERVICE must be set with ENV=production"):
        read("production")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gmail", ("smtp.gmail.com", 465, "tls")),
        ("Gmail", ("smtp.gmail.com", 465, "tls")),
        ("Google Mail", ("smtp.gmail.com", 465, "tls")),
        ("outlook", ("smtp-mail.outlook.com", 587, "starttls")),
        ("Outlook365", ("smtp.office365.com", 587, "starttls")),
        ("office365", ("smtp.office365.com", 587, "starttls")),
        ("yahoo", ("smtp.mail.yahoo.com", 465, "tls")),
        ("iCloud", ("smtp.mail.me.com", 587, "starttls")),
        ("zoho", ("smtp.zoho.com", 465, "tls")),
        ("SendGrid", ("smtp.sendgrid.net", 587, "starttls")),
        ("Brevo", ("smtp-relay.brevo.com", 587, "starttls")),
        ("SES", ("email-smtp.us-east-1.amazonaws.com", 465, "tls")),
        ("SES-EU-WEST-1", ("email-smtp.eu-west-1.amazonaws.com", 465, "tls")),
        ("ses-us-gov-east-1", ("email-smtp.us-gov-east-1.amazonaws.com", 465, "tls")),
    ],
)
def test_a_well_known_provider_sets_host_port_and_tls(name: str, expected: tuple[str, int, str]) -> None:
    assert server(service=name, **LOGIN) == expected


def test_every_provider_that_is_listed_can_be_found_and_encrypts() -> None:
    found = [find_provider(name.replace("<region>", "eu-west-1")) for name in PROVIDER_NAMES]
    assert all(provider and provider.tls in ("tls", "starttls") for provider in found)


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ({"service": "gmail", "port": "587"}, ("smtp.gmail.com", 587, "starttls")),
        ({"service": "gmail", "tls": "starttls"}, ("smtp.gmail.com", 587, "starttls")),
        (
            {"service": "gmail", "host": "127.0.0.1", "port": "2025", "tls": "none"},
            ("127.0.0.1", 2025, "none"),
        ),
        ({"service": "gmail", "host": "relay.example.com"}, ("relay.example.com", 465, "tls")),
        ({"host": "relay.example.com"}, ("relay.example.com", 587, "starttls")),
        ({"host": "relay.example.com", "port": "465"}, ("relay.example.com", 465, "tls")),
        ({"host": "relay.example.com", "port": "2525"}, ("relay.example.com", 2525, "starttls")),
        ({"host": "relay.example.com", "tls": "TLS"}, ("relay.example.com", 465, "tls")),
        ({"host": "relay.example.com", "tls": "none"}, ("relay.example.com", 25, "none")),
        ({"host": "127.0.0.1", "port": "1025"}, ("127.0.0.1", 1025, "none")),
        ({"port": "2025"}, ("127.0.0.1", 2025, "none")),
        ({"tls": "starttls"}, ("127.0.0.1", 1025, "starttls")),
    ],
)
def test_what_is_given_explicitly_wins(mail: dict[str, str], expected: tuple[str, int, str]) -> None:
    assert server(**LOGIN, **mail) == expected


def test_a_relay_without_a_login_is_spoken_to_in_plain() -> None:
    assert server(host="mailcatcher", port="1025") == ("mailcatcher", 1025, "none")
    assert server(host="mailcatcher") == ("mailcatcher", 25, "none")


@pytest.mark.parametrize(
    ("mail", "line"),
    [
        ({"service": "gmial"}, "EMAIL_SERVICE=gmial is not known: .*give one of .*gmail"),
        ({"service": "ses-nowhere"}, "EMAIL_SERVICE=ses-nowhere is not known"),
        ({"tls": "ssl"}, "SMTP_TLS=ssl is not known: give one of none, starttls, tls"),
        ({"port": "smtp"}, "SMTP_PORT=smtp is not a port: give a number from 1 to 65535"),
        ({"port": "0"}, "SMTP_PORT=0 is not a port"),
        ({"port": "65536"}, "SMTP_PORT=65536 is not a port"),
        ({"port": "9" * 5000}, "SMTP_PORT=9+ is not a port"),
        ({"port": "٢٥"}, "SMTP_PORT=٢٥ is not a port"),
        ({"host": "http://relay/"}, "SMTP_HOST='http://relay/' is not a host name"),
        ({"host": "a\r\nb"}, "SMTP_HOST=.* is not a host name"),
        ({"sender": "Todos"}, "EMAIL_FROM is not an address such as"),
        ({"password": "secret"}, "EMAIL_USER must be set where EMAIL_PASS is"),
        ({"service": "gmail", "user": "ada@gmail.com"}, "EMAIL_PASS must be set to log in at gmail"),
        ({"user": "ada", "password": "gehäim"}, "EMAIL_PASS has characters beyond ASCII"),
        ({"tls_ca": "/no/such/file"}, "SMTP_TLS_CA=/no/such/file is not a file"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable(mail: dict[str, str], line: str) -> None:
    with pytest.raises(ValueError, match=f"^{line}") as error:
        read(**mail)
    assert "\n" not in str(error.value)
    assert "gehäim" not in str(error.value)


@pytest.mark.parametrize(
    ("mail", "sender"),
    [
        ({}, "Todos <no-reply@localhost>"),
        (LOGIN, "ada@example.com"),
        ({"user": "apikey", "password": "secret"}, "Todos <no-reply@localhost>"),
        ({"sender": "Todos <hello@example.com>", **LOGIN}, "Todos <hello@example.com>"),
    ],
)
def test_the_sender_is_the_given_one_else_the_account_else_local(mail: dict[str, str], sender: str) -> None:
    assert read(**mail).sender == sender


def test_values_that_yaml_made_numbers_are_read() -> None:
    assert server(host="relay.example.com", port=2525) == ("relay.example.com", 2525, "none")


def test_a_password_is_not_shown_and_keeps_its_spaces() -> None:
    settings = read(user="ada", password=" a b ")
    assert settings.password == " a b "
    assert "a b" not in repr(settings)


def test_a_certificate_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(ValueError, match=r"^SMTP_TLS_CA is not a file of certificates"):
        read(tls="tls", tls_ca=str(file)).tls_context()
