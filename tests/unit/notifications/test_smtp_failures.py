"""What a driver's error means, where no server at hand can raise it."""

import smtplib
import socket

import pytest

from common.failures import TemporaryFailure
from services.notifications.smtp_failures import connection_failure


def lost_connection(cause: OSError) -> smtplib.SMTPServerDisconnected:
    """An error as smtplib raises it: the cause is only its context."""
    error = smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "smtp_dns_failed"),
        (UnicodeError("label too long"), "smtp_dns_failed"),
        (OSError(113, "No route to host"), "smtp_unreachable"),
        (ConnectionRefusedError(111, "Connection refused"), "smtp_unreachable"),
        (TimeoutError("timed out"), "smtp_timeout"),
        (ConnectionResetError(104, "Connection reset by peer"), "smtp_connection_lost"),
        (lost_connection(TimeoutError("timed out")), "smtp_timeout"),
        (lost_connection(ConnectionResetError(104, "reset")), "smtp_connection_lost"),
        (smtplib.SMTPServerDisconnected("closed"), "smtp_connection_lost"),
        (smtplib.SMTPHeloError(550, b"no"), "smtp_service_refused"),
        (ValueError("Incorrect padding"), "smtp_protocol_error"),
    ],
)
def test_every_network_error_is_temporary_and_has_its_word(error: Exception, reason: str) -> None:
    failure = connection_failure("connect", error)
    assert isinstance(failure, TemporaryFailure)
    assert failure.reason == reason


def test_the_words_of_a_failure_show_the_cause() -> None:
    failure = connection_failure("connect", OSError(113, "No route to host"))
    assert str(failure) == "smtp_unreachable: no connection to the mail server: No route to host"
