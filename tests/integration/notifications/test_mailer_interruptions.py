"""Servers that fall silent, hang up or talk nonsense, at each step of a conversation."""

import time
from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from common.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from services.notifications import mailer as mailer_module
from services.notifications import smtp_session
from services.notifications.emails import RenderedEmail, build_message
from services.notifications.mailer import Mailer
from tests.integration.notifications.mail_servers import SENDER, send
from tests.integration.notifications.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp

Scripted = Callable[..., ScriptedSmtp]
MailerFor = Callable[..., Mailer]
MAIL = RenderedEmail("Hi", "Hello\n", "<p>Hello</p>\n")
BEFORE_THE_DATA = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"]
ONE_BY_ONE, AT_ONCE = b"250 mail.example", b"250-mail.example\r\n250 PIPELINING"


def failure_of(mailer: Mailer, recipient: str = "ada@example.org") -> DeliveryFailure:
    with pytest.raises(DeliveryFailure) as failure:
        send(mailer, recipient)
    return failure.value


@pytest.mark.parametrize("step", BEFORE_THE_DATA)
def test_a_silent_server_is_given_up_after_the_timeout(
    step: str, scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(**{step: SILENCE})
    began = time.monotonic()
    failure = failure_of(mailer_for(server.port, timeout=0.3))
    assert time.monotonic() - began < 2
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_timeout"


@pytest.mark.parametrize("ehlo", [ONE_BY_ONE, AT_ONCE])
@pytest.mark.parametrize("step", BEFORE_THE_DATA)
def test_a_server_that_hangs_up_before_the_data_can_be_tried_again(
    step: str, ehlo: bytes, scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(**{"EHLO": ehlo, step: HANG_UP})
    mailer = mailer_for(server.port)
    failure = failure_of(mailer)
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_connection_lost"
    server.replies.clear()
    send(mailer)
    assert len(server.mails) == 1


@pytest.mark.parametrize("answer", [HANG_UP, SILENCE, b"nonsense"])
def test_nobody_knows_about_a_mail_whose_data_got_no_answer_and_it_is_not_resent(
    answer: Any, scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(BODY=answer)
    mailer = mailer_for(server.port, accept_timeout=0.3)
    failure = failure_of(mailer)
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == "smtp_unknown_outcome"
    assert len(server.mails) == 1
    assert not mailer._idle


def test_a_server_may_take_longer_to_accept_a_mail_than_to_answer_a_command(
    scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(BODY=SILENCE)
    began = time.monotonic()
    failure = failure_of(mailer_for(server.port, timeout=0.1, accept_timeout=0.6))
    assert time.monotonic() - began >= 0.6
    assert failure.reason == "smtp_unknown_outcome"


@pytest.mark.parametrize(("step", "reason"), [("MAIL", "smtp_timeout"), ("BODY", "smtp_unknown_outcome")])
def test_a_callers_time_limit_does_not_hide_that_the_mail_may_be_out(
    step: str, reason: str, scripted: Scripted, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(scripted(**{step: SILENCE}).port)
    with eventlet.Timeout(0.3, TemporaryFailure("smtp_timeout", "sending took too long")):
        failure = failure_of(mailer)
    assert failure.reason == reason


def test_a_bare_time_limit_of_the_caller_is_an_unknown_outcome_too(
    scripted: Scripted, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(scripted(BODY=SILENCE).port)
    with eventlet.Timeout(0.3):
        assert failure_of(mailer).reason == "smtp_unknown_outcome"


def test_a_mail_that_was_taken_does_not_wait_for_the_goodbye(
    scripted: Scripted, mailer_for: MailerFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailer_module, "MAX_MAILS_PER_CONNECTION", 1)
    monkeypatch.setattr(mailer_module, "MAX_CONNECTIONS", 1)
    server = scripted(QUIT=SILENCE)
    mailer = mailer_for(server.port)
    with eventlet.Timeout(0.5, TemporaryFailure("smtp_timeout", "sending took too long")):
        send(mailer)
    assert len(server.mails) == 1
    # The connection counts until it is closed: no other is made beside it.
    began = time.monotonic()
    send(mailer)
    assert time.monotonic() - began > 0.5
    assert (len(server.mails), server.connections) == (2, 2)


@pytest.mark.parametrize("answer", [HANG_UP, b"421 closing"])
def test_a_pooled_connection_that_died_without_a_word_is_replaced(
    answer: Any, scripted: Scripted, mailer_for: MailerFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_session, "_FRESH_SECONDS", 0)
    server = scripted()
    mailer = mailer_for(server.port)
    send(mailer)
    server.once["RSET"] = answer
    send(mailer)
    assert (len(server.mails), server.connections) == (2, 2)


@pytest.mark.parametrize("ehlo", [ONE_BY_ONE, AT_ONCE])
@pytest.mark.parametrize("answer", [HANG_UP, b"421 closing"])
def test_a_server_that_hangs_up_between_two_mails_costs_the_second_no_attempt(
    answer: Any, ehlo: bytes, scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(EHLO=ehlo)
    mailer = mailer_for(server.port)
    send(mailer)
    server.once["MAIL"] = answer
    send(mailer)
    assert (len(server.mails), server.connections) == (2, 2)
    assert "RSET" not in [one.upper() for one in server.commands]


def test_a_mail_after_a_refused_one_finds_the_connection_cleared(
    scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted()
    mailer = mailer_for(server.port)
    send(mailer)
    server.once["RCPT"] = b"451 later"
    assert failure_of(mailer).reason == "smtp_deferred"
    send(mailer)
    assert (len(server.mails), server.connections) == (2, 1)
    assert [one.upper() for one in server.commands].count("RSET") == 1


@pytest.mark.parametrize(
    ("step", "answer", "kind", "reason"),
    [
        ("GREETING", b"554 5.7.1 blocked", TemporaryFailure, "smtp_service_refused"),
        ("GREETING", b"421 4.3.2 busy", TemporaryFailure, "smtp_deferred"),
        ("GREETING", b"SSH-2.0-OpenSSH", TemporaryFailure, "smtp_protocol_error"),
        ("MAIL", b"451 4.3.0 later", TemporaryFailure, "smtp_deferred"),
        ("MAIL", b"530 5.7.0 log in first", TemporaryFailure, "smtp_auth_failed"),
        ("MAIL", b"550 5.7.1 not your address", TemporaryFailure, "smtp_auth_failed"),
        ("MAIL", b"552 5.3.4 too big", PermanentFailure, "smtp_content_refused"),
        ("RCPT", b"421 4.7.0 too many", TemporaryFailure, "smtp_deferred"),
        ("RCPT", b"530 5.7.0 log in first", TemporaryFailure, "smtp_auth_failed"),
        ("RCPT", b"552 5.2.2 mailbox full", PermanentFailure, "smtp_recipient_refused"),
        ("RCPT", b"hm", TemporaryFailure, "smtp_protocol_error"),
        ("DATA", b"554 5.5.1 no", PermanentFailure, "smtp_content_refused"),
        ("BODY", b"452 4.3.1 no space", TemporaryFailure, "smtp_deferred"),
        ("BODY", b"554 5.7.1 spam", PermanentFailure, "smtp_content_refused"),
    ],
)
def test_each_refusal_is_temporary_unless_the_mail_is_at_fault(
    step: str,
    answer: bytes,
    kind: type[DeliveryFailure],
    reason: str,
    scripted: Scripted,
    mailer_for: MailerFor,
) -> None:
    for ehlo in (ONE_BY_ONE, AT_ONCE):
        failure = failure_of(mailer_for(scripted(**{"EHLO": ehlo, step: answer}).port))
        assert (type(failure), failure.reason) == (kind, reason)


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_refusal_stands_though_the_server_has_gone_by_its_next_answer(
    step: str, scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(EHLO=AT_ONCE, MAIL=b"552 5.3.4 too big", **{step: HANG_UP})
    mailer = mailer_for(server.port)
    assert failure_of(mailer).reason == "smtp_content_refused"
    assert not mailer._idle


def test_a_server_that_wants_the_text_of_a_refused_mail_gets_no_mail(
    scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(EHLO=AT_ONCE, RCPT=b"550 5.1.1 nobody")
    mailer = mailer_for(server.port)
    assert failure_of(mailer).reason == "smtp_recipient_refused"
    assert not mailer._idle
    assert not server.mails


def test_a_refused_mail_costs_no_connection_where_what_follows_it_is_refused_too(
    scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted(EHLO=AT_ONCE)
    mailer = mailer_for(server.port)
    server.once |= {"RCPT": b"550 5.1.1 nobody", "DATA": b"503 5.5.1 no recipients"}
    assert failure_of(mailer).reason == "smtp_recipient_refused"
    send(mailer)
    assert (len(server.mails), server.connections) == (1, 1)


def test_the_commands_before_the_data_come_in_one_write(mailer_for: MailerFor) -> None:
    listener = eventlet.listen(("127.0.0.1", 0))
    reading = eventlet.spawn(_read_one_mail, listener)
    send(mailer_for(listener.getsockname()[1]))
    commands, text = reading.wait()
    assert [line[:4] for line in commands.splitlines()] == [b"MAIL", b"RCPT", b"DATA"]
    assert text.endswith(b"\r\n.\r\n")


def _read_one_mail(listener: Any) -> list[bytes]:
    client, _ = listener.accept()
    read = []
    for answer in (b"220 ready", AT_ONCE, b"250 ok\r\n250 ok\r\n354 go on"):
        client.sendall(answer + b"\r\n")
        read.append(client.recv(65536))
    client.sendall(b"250 ok\r\n")
    return read[1:]


def test_a_servers_words_are_kept_short_and_clean(scripted: Scripted, mailer_for: MailerFor) -> None:
    server = scripted(RCPT=b"550-5.1.1 no\x1b[31m\x07 such\r\n550 mailbox \xff" + b"x" * 500)
    failure = failure_of(mailer_for(server.port))
    assert failure.message.startswith("550 5.1.1 no[31m such mailbox")
    assert failure.message.isprintable()
    assert len(failure.message) <= 304


def test_an_address_beyond_ascii_is_permanent_where_the_server_takes_none(
    scripted: Scripted, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(scripted().port)
    failure = failure_of(mailer, "ädä@example.org")
    assert isinstance(failure, PermanentFailure)
    assert failure.reason == "smtputf8_unsupported"
    send(mailer, "ada@bücher.example")


@pytest.mark.parametrize("recipient", ["ada@example.org\r\nRCPT TO:<eve@example.com>", "ada", "a@b, c@d"])
def test_a_recipient_that_is_no_address_reaches_no_server(
    recipient: str, scripted: Scripted, mailer_for: MailerFor
) -> None:
    server = scripted()
    mailer = mailer_for(server.port)
    with pytest.raises(PermanentFailure) as failure:
        mailer.send(build_message(MAIL, message_id="m-1", sender=SENDER, recipient=recipient))
    assert failure.value.reason == "invalid_recipient"
    assert not server.connections


@pytest.mark.parametrize("tls", ["none", "tls"])
def test_the_check_takes_at_most_a_second_and_a_half(
    tls: str, scripted: Scripted, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(scripted(GREETING=SILENCE).port, tls=tls)
    began = time.monotonic()
    with pytest.raises(TemporaryFailure, match="smtp_timeout"):
        mailer.check()
    assert 1 < time.monotonic() - began < 2


def test_a_silent_server_does_not_hold_up_the_others_work(scripted: Scripted, mailer_for: MailerFor) -> None:
    mailer = mailer_for(scripted(GREETING=SILENCE).port, timeout=0.5)
    ticks: list[float] = []
    waiting = eventlet.spawn(failure_of, mailer)
    while not waiting.dead:
        ticks.append(time.monotonic())
        eventlet.sleep(0.02)
    assert len(ticks) > 10


def test_closing_the_mailer_says_goodbye(scripted: Scripted, mailer_for: MailerFor) -> None:
    server = scripted()
    mailer = mailer_for(server.port)
    send(mailer)
    mailer.close()
    eventlet.sleep(0.05)
    assert server.commands[-1].upper() == "QUIT"
