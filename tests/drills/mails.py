"""Drills that break the way of the mails."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.drills.site import Site
from tests.e2e.client import new_email

BACKLOG = 200
SLOW_SECONDS = 1.0


@contextmanager
def nobody_sends(site: Site) -> Iterator[None]:
    """The service that sends mails is killed while mails are asked for."""
    site.suite.signal("notifications")
    site.send()
    yield
    site.restart("notifications")


@contextmanager
def mail_server_gone(site: Site) -> Iterator[None]:
    """The mail server ends while mails are asked for."""
    site.mails.stop()
    site.send(10)
    site.until(lambda: site.prometheus.value('suite_breaker_state{target="smtp"}') > 0)
    site.send()
    yield
    site.mails.start()
    site.mails.wait_ready()


@contextmanager
def mail_server_slow(site: Site) -> Iterator[None]:
    """The mail server thinks about each of many mails."""
    site.mails.faults(delay_seconds=SLOW_SECONDS)
    site.send(BACKLOG)
    yield
    site.mails.faults()


@contextmanager
def mails_refused(site: Site) -> Iterator[None]:
    """The mail server knows a mailbox no more; later it does, and the mail is sent again."""
    recipient = new_email()
    site.mails.faults(permanent_recipients=[recipient])
    site.send(recipient=recipient)
    yield
    site.mails.faults()
    replayed = site.admin.post("/api/messages/dead-letters/replay", {}).json()["replayed"]
    assert replayed == 1
