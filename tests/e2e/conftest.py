"""One running suite for all stories, and people in front of it."""

import time
from collections.abc import Callable, Iterator

import pytest

from ops.engines import MongoDB, PostgreSQL, RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from tests.collector import Collector
from tests.e2e.client import Client
from tests.suite import ADMIN, Suite, settings_for

PAGE = "https://app.example.org"
# As shipped, but for a window of logins that a test can wait out, and no waits of minutes for who guesses.
EDGE = {"CORS_ORIGINS": PAGE, "RATE_LIMIT_LOGIN": "10/5 seconds", "LOGIN_FREE_GUESSES": "50"}


# Traces are recorded for those who ask for it, so that other stories cost the collector nothing.
@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.stop()


@pytest.fixture
def suite_logs(suite: Suite) -> Callable[[], str]:
    """All that the processes have written so far."""
    return suite.logs


# Gone before other tests begin: its relays would publish what those leave in the same databases.
@pytest.fixture(scope="package")
def suite(
    rabbitmq: RabbitMQ,
    postgresql: PostgreSQL,
    mongodb: MongoDB,
    mailcatcher: MailCatcher,
    collector: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Suite]:
    directory = tmp_path_factory.mktemp("suite")
    servers = settings_for(rabbitmq.uri, postgresql, mongodb, mailcatcher)
    traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=tests"}
    running = Suite(directory, servers | EDGE | traces | {"OTEL_TRACES_SAMPLER_ARG": "0"})
    running.start()
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def anyone(suite: Suite) -> Client:
    """Somebody who is not logged in."""
    return Client(suite.url)


@pytest.fixture
def ada(anyone: Client) -> Client:
    """A user with a new account, logged in."""
    return anyone.register("Ada").login()


@pytest.fixture
def bob(anyone: Client) -> Client:
    """Another user."""
    return anyone.register("Bob").login()


@pytest.fixture
def admin(anyone: Client) -> Client:
    """The first administrator."""
    return anyone.login(ADMIN["email"], ADMIN["password"])


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something that an event brings about has come true."""

    def wait(condition: Callable[[], bool], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it has not come true"
            time.sleep(0.05)

    return wait
