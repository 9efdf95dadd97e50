"""Mail servers for the mailer's tests: the mail catcher in each of its modes, and certificates for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ops.engines.mailcatcher import MailCatcher
from ops.engines.ports import free_port
from services.notifications.mailer import Mailer
from services.notifications.smtp_settings import SmtpSettings
from tests.integration.notifications.mail_servers import SENDER, Certificates
from tests.integration.notifications.scripted_smtp import ScriptedSmtp

StartCatcher = Callable[..., MailCatcher]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def start_catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartCatcher]:
    """Starts a mail catcher with these options of its command line."""
    started: list[MailCatcher] = []

    def start(*options: str) -> MailCatcher:
        catcher = MailCatcher(tmp_path_factory.mktemp("catcher"), free_port(), free_port(), options)
        started.append(catcher)
        catcher.start()
        catcher.wait_ready()
        return catcher

    yield start
    for catcher in started:
        catcher.stop()


@pytest.fixture(scope="module")
def plain_catcher(start_catcher: StartCatcher) -> MailCatcher:
    return start_catcher()


@pytest.fixture
def catcher(plain_catcher: MailCatcher) -> MailCatcher:
    """The plain mail catcher, empty and well-behaved."""
    plain_catcher.faults()
    plain_catcher.clear()
    return plain_catcher


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedSmtp]]:
    """Starts a server that answers as told."""
    started: list[ScriptedSmtp] = []

    def start(**replies: Any) -> ScriptedSmtp:
        started.append(ScriptedSmtp(**replies))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def mailer_for() -> Iterator[Callable[..., Mailer]]:
    """Makes a mailer for the server on this port."""
    made: list[Mailer] = []

    def make(port: int, **settings: Any) -> Mailer:
        usual = {"host": "127.0.0.1", "port": port, "sender": SENDER, "timeout": 5.0, "accept_timeout": 5.0}
        made.append(Mailer(SmtpSettings(**usual | settings)))
        return made[-1]

    yield make
    for mailer in made:
        mailer.close()
