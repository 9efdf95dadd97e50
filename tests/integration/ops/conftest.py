"""A MongoDB with logins, for the tests of who may do what, and a mail catcher that may be told to fail."""

from collections.abc import Iterator

import pytest

from ops.engines import MailCatcher
from ops.engines.ports import free_port
from tests.integration.ops.guarded import GuardedMongoDB


@pytest.fixture(scope="session")
def guarded_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMongoDB]:
    server = GuardedMongoDB(tmp_path_factory.mktemp("guarded"), free_port(), fast=True)
    server.start()
    try:
        server.wait_ready(60)
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def running_catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailCatcher]:
    catcher = MailCatcher(tmp_path_factory.mktemp("mail"), free_port(), free_port())
    catcher.start()
    catcher.wait_ready()
    yield catcher
    catcher.stop()


@pytest.fixture
def catcher(running_catcher: MailCatcher) -> MailCatcher:
    """Without mails, and without faults."""
    running_catcher.faults()
    running_catcher.clear()
    return running_catcher
