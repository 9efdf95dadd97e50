"""Mails handed over to a real SMTP server: plain, encrypted, logged in, refused."""

from collections.abc import Callable

import eventlet
import pytest

from common.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from ops.engines.mailcatcher import MailCatcher
from ops.engines.ports import free_port
from services.notifications import mailer as mailer_module
from services.notifications.mailer import MAX_CONNECTIONS, Mailer
from tests.integration.notifications.mail_servers import PASSWORD, USER, Certificates, send

MailerFor = Callable[..., Mailer]
StartCatcher = Callable[..., MailCatcher]


def failure_of(mailer: Mailer, recipient: str = "ada@example.org") -> DeliveryFailure:
    with pytest.raises(DeliveryFailure) as failure:
        send(mailer, recipient)
    return failure.value


def test_a_mail_arrives_with_its_headers_and_both_parts(catcher: MailCatcher, mailer_for: MailerFor) -> None:
    send(mailer_for(catcher.port), subject="Välkommen", text="Hej\n.\n..dots\n")
    mail = catcher.wait_for_mail("ada@example.org")
    assert mail["subject"] == "Välkommen"
    assert mail["text"].replace("\r\n", "\n") == "Hej\n.\n..dots\n"
    assert "<p>Hello</p>" in mail["html"]
    assert mail["from"] == "no-reply@example.com"
    headers = {name.lower(): value for name, value in dict(mail["headers"]).items()}
    assert headers["message-id"] == "<m-1@example.com>"
    assert headers["x-message-id"] == "m-1"


def test_mails_one_after_another_share_a_connection(catcher: MailCatcher, mailer_for: MailerFor) -> None:
    mailer = mailer_for(catcher.port)
    for _ in range(3):
        send(mailer)
    assert len(catcher.mails("ada@example.org")) == 3
    assert [session.mails for session in mailer._idle] == [3]


def test_many_mails_at_once_take_a_bounded_number_of_connections(
    catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(catcher.port)
    threads = [eventlet.spawn(send, mailer, f"user{number}@example.org") for number in range(40)]
    for thread in threads:
        thread.wait()
    assert len({mail["to"][0] for mail in catcher.mails()}) == len(catcher.mails()) == 40
    assert len(mailer._idle) <= MAX_CONNECTIONS


def test_a_connection_that_went_stale_is_replaced_and_the_mail_arrives_once(
    catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(catcher.port)
    send(mailer)
    catcher.restart()
    catcher.clear()
    send(mailer, "bob@example.org")
    assert len(catcher.mails("bob@example.org")) == 1


def test_a_connection_is_not_kept_for_more_mails_than_its_limit(
    catcher: MailCatcher, mailer_for: MailerFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailer_module, "MAX_MAILS_PER_CONNECTION", 2)
    mailer = mailer_for(catcher.port)
    send(mailer)
    send(mailer)
    assert not mailer._idle


def test_a_connection_that_idled_too_long_is_closed(
    catcher: MailCatcher, mailer_for: MailerFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailer = mailer_for(catcher.port)
    send(mailer)
    monkeypatch.setattr(mailer_module, "MAX_IDLE_SECONDS", 0.0)
    mailer.check()
    assert not mailer._idle


def test_a_full_mailbox_is_a_temporary_failure_with_the_servers_words(
    catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    catcher.faults(temporary_recipients=["ada@example.org"])
    failure = failure_of(mailer_for(catcher.port))
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_deferred"
    assert failure.message.startswith("451 4.2.1 Mailbox")


def test_an_unknown_recipient_is_a_permanent_failure(catcher: MailCatcher, mailer_for: MailerFor) -> None:
    catcher.faults(permanent_recipients=["ada@example.org"])
    failure = failure_of(mailer_for(catcher.port))
    assert isinstance(failure, PermanentFailure)
    assert failure.reason == "smtp_recipient_refused"
    assert failure.message == "550 5.1.1 No such mailbox"


def test_a_refused_recipient_does_not_cost_the_connection(
    catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    catcher.faults(permanent_recipients=["ada@example.org"])
    mailer = mailer_for(catcher.port)
    failure_of(mailer)
    (session,) = mailer._idle
    send(mailer, "bob@example.org")
    assert list(mailer._idle) == [session]
    assert len(catcher.mails("bob@example.org")) == 1


def test_a_refusal_after_the_data_is_about_the_content(catcher: MailCatcher, mailer_for: MailerFor) -> None:
    catcher.faults(permanent_recipients=["ada@example.org"], stage="data")
    failure = failure_of(mailer_for(catcher.port))
    assert isinstance(failure, PermanentFailure)
    assert failure.reason == "smtp_content_refused"


def test_a_temporary_refusal_after_the_data_can_be_tried_again(
    catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    catcher.faults(temporary_share=1.0)
    mailer = mailer_for(catcher.port)
    assert failure_of(mailer).reason == "smtp_deferred"
    catcher.faults()
    send(mailer)
    assert len(catcher.mails("ada@example.org")) == 1


def test_a_server_that_turns_everybody_away_is_a_temporary_failure(
    catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    catcher.faults(refuse=True)
    failure = failure_of(mailer_for(catcher.port))
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_deferred"


def test_a_refused_connection_is_a_temporary_failure(mailer_for: MailerFor) -> None:
    failure = failure_of(mailer_for(free_port()))
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_unreachable"
    assert "127.0.0.1" not in failure.message


def test_an_address_beyond_ascii_is_delivered_where_the_server_takes_it(
    catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(catcher.port)
    send(mailer, "ädä@example.org")
    send(mailer, "ada@bücher.example")
    assert len(catcher.mails("ädä@example.org")) == 1
    assert len(catcher.mails("ada@xn--bcher-kva.example")) == 1


def test_a_right_login_is_let_in(start_catcher: StartCatcher, mailer_for: MailerFor) -> None:
    catcher = start_catcher("--user", USER, "--password", PASSWORD)
    send(mailer_for(catcher.port, user=USER, password=PASSWORD))
    assert len(catcher.mails("ada@example.org")) == 1


def test_a_wrong_login_is_temporary_since_the_mail_is_not_at_fault(
    start_catcher: StartCatcher, mailer_for: MailerFor
) -> None:
    catcher = start_catcher("--user", USER, "--password", PASSWORD)
    for credentials in ({"user": USER, "password": "Tr0ub4dor"}, {}):
        failure = failure_of(mailer_for(catcher.port, **credentials))
        assert isinstance(failure, TemporaryFailure)
        assert failure.reason == "smtp_auth_failed"
        assert "Tr0ub4dor" not in failure.message
    assert not catcher.mails()


def test_a_server_without_a_login_is_temporary(catcher: MailCatcher, mailer_for: MailerFor) -> None:
    failure = failure_of(mailer_for(catcher.port, user=USER, password=PASSWORD))
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_auth_failed"


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_mail_arrives_encrypted_and_logged_in(
    tls: str, start_catcher: StartCatcher, mailer_for: MailerFor, certificates: Certificates
) -> None:
    catcher = start_catcher(*tls_options(certificates, tls), "--user", USER, "--password", PASSWORD)
    mailer = mailer_for(
        catcher.port, tls=tls, tls_ca=str(certificates.authority), user=USER, password=PASSWORD
    )
    mailer.check()
    send(mailer)
    send(mailer)
    assert len(catcher.mails("ada@example.org")) == 2


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_that_nobody_trusts_gets_no_mail(
    tls: str, start_catcher: StartCatcher, mailer_for: MailerFor, certificates: Certificates
) -> None:
    catcher = start_catcher(*tls_options(certificates, tls))
    failure = failure_of(mailer_for(catcher.port, tls=tls))
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_tls_failed"
    assert "not trusted" in failure.message
    assert not catcher.mails()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_server_that_does_not_encrypt_gets_no_mail(
    tls: str, catcher: MailCatcher, mailer_for: MailerFor
) -> None:
    failure = failure_of(mailer_for(catcher.port, tls=tls))
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_tls_failed"
    assert not catcher.mails()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_for_another_name_gets_no_mail(
    tls: str, start_catcher: StartCatcher, mailer_for: MailerFor, certificates: Certificates
) -> None:
    catcher = start_catcher(*tls_options(certificates, tls, subject="DNS:mail.example.com"))
    failure = failure_of(mailer_for(catcher.port, tls=tls, tls_ca=str(certificates.authority)))
    assert failure.reason == "smtp_tls_failed"
    assert "127.0.0.1" in failure.message
    assert not catcher.mails()


@pytest.mark.parametrize("tls", ["none", "tls"])
def test_a_server_may_think_about_a_mail_for_longer_than_about_a_command(
    tls: str, start_catcher: StartCatcher, mailer_for: MailerFor, certificates: Certificates
) -> None:
    catcher = start_catcher(*(tls_options(certificates, tls) if tls == "tls" else ()))
    catcher.faults(delay_seconds=1.0)
    settings = {"tls": tls, "tls_ca": str(certificates.authority), "timeout": 0.5}
    send(mailer_for(catcher.port, **settings))
    assert len(catcher.mails("ada@example.org")) == 1
    assert (
        failure_of(mailer_for(catcher.port, **settings, accept_timeout=0.3)).reason == "smtp_unknown_outcome"
    )


def test_the_check_passes_while_the_server_answers_and_fails_after(
    start_catcher: StartCatcher, mailer_for: MailerFor
) -> None:
    catcher = start_catcher()
    mailer = mailer_for(catcher.port)
    mailer.check()
    catcher.stop()
    with pytest.raises(TemporaryFailure):
        mailer.check()


def tls_options(certificates: Certificates, tls: str, subject: str = "IP:127.0.0.1") -> list[str]:
    options = certificates.issue("server", subject)
    return [*options, "--starttls"] if tls == "starttls" else options
