"""Why a mail server is left alone."""

import contextlib

from common.failures import TemporaryFailure
from ops.engines.ports import free_port
from services.notifications.mailer import FAILURES, Mailer
from services.notifications.smtp_settings import SmtpSettings


def test_it_is_known_what_the_last_connection_failed_of() -> None:
    mailer = Mailer(SmtpSettings("127.0.0.1", free_port()))
    for _ in range(FAILURES):
        with contextlib.suppress(TemporaryFailure):
            mailer._connect()
    assert not mailer.breaker.is_closed
    assert mailer.await_trouble().startswith("smtp_unreachable")
