"""One service falls silent or dies under load: what does not need it goes on as before."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator

import eventlet
import pytest

from tests.e2e.client import Client
from tests.e2e.load import load, p99, quickest
from tests.suite import Suite

LONG = os.environ.get("CHAOS") == "long"
SECONDS = 10 if LONG else 6
CLIENTS = 4
DEADLINE_SECONDS = 2
ROUTES = {
    "todos": "/api/todos",
    "users": "/api/users/me",
    "messaging": "/api/messages",
    "notifications": "/api/messages/templates/welcome/preview",
    "auth": "/api/auth/sessions",
}
ELSEWHERE = {name: "/api/users/me" if name == "todos" else "/api/todos" for name in ROUTES}
CASES = [("todos", "SIGSTOP"), ("users", "SIGKILL")]
if LONG:
    CASES = [(name, number) for name in ROUTES for number in ("SIGSTOP", "SIGKILL")]


class Away:
    """A service is stopped or killed, and comes back."""

    def __init__(self, suite: Suite, service: str, number: str) -> None:
        self.suite, self.service, self.number = suite, service, number

    def __enter__(self) -> None:
        self.suite.signal(self.service, getattr(signal, self.number))

    def __exit__(self, *exc: object) -> None:
        if self.number == "SIGSTOP":
            self.suite.signal(self.service, signal.SIGCONT)
        else:
            self.suite.start(self.service)


@pytest.fixture(autouse=True, scope="module")
def short_deadline(suite: Suite) -> Iterator[None]:
    """So that the breaker opens while the test looks."""
    suite.environment["RPC_DEADLINE"] = str(DEADLINE_SECONDS)
    suite.signal("gateway")
    suite.restart("gateway")
    yield
    del suite.environment["RPC_DEADLINE"]
    suite.signal("gateway")
    suite.restart("gateway")


@pytest.fixture(autouse=True)
def all_back(suite: Suite) -> Iterator[None]:
    yield
    suite.wait_ready()


@pytest.mark.parametrize(("service", "number"), CASES)
def test_what_does_not_need_a_service_keeps_its_latency_while_that_is_away(
    suite: Suite, admin: Client, service: str, number: str
) -> None:
    there, statuses = admin_calls(admin, ROUTES[service])
    elsewhere, others = admin_calls(admin, ELSEWHERE[service])
    load(elsewhere, CLIENTS, 1)

    def measure() -> float:
        usual = _beside(there, elsewhere)
        with Away(suite, service, number):
            statuses.clear()
            without = _beside(there, elsewhere)
            status, seconds = timed(admin, ROUTES[service])
        expected = {503} if number == "SIGKILL" else {503, 504}
        assert set(statuses) == expected
        assert status in expected
        assert seconds < DEADLINE_SECONDS + 1
        print(f"{service} {number}: p99 {usual * 1000:.0f} ms, then {without * 1000:.0f} ms; {statuses}")
        wait_until_back(suite, admin, service, number)
        return without / usual

    assert quickest(measure, good=2) < 2
    assert set(others) == {200}


def wait_until_back(suite: Suite, admin: Client, service: str, number: str) -> None:
    """It is called with success within two seconds."""
    if number == "SIGKILL":
        suite.wait_ready()
    back = time.monotonic()
    while timed(admin, ROUTES[service])[0] != 200:
        assert time.monotonic() - back < 2
        time.sleep(0.1)


def admin_calls(admin: Client, path: str) -> tuple[Callable[[], None], Counter[int]]:
    """A call of this path, and how often it was answered with which status."""
    statuses: Counter[int] = Counter()

    def call() -> None:
        statuses[admin.get(path).status_code] += 1

    return call, statuses


def timed(client: Client, path: str) -> tuple[int, float]:
    """Status and seconds of one call."""
    started = time.monotonic()
    return client.get(path).status_code, time.monotonic() - started


def _beside(there: Callable[[], None], elsewhere: Callable[[], None]) -> float:
    """The p99 of calls elsewhere, while others call the service."""
    others = [eventlet.spawn(load, there, 1, SECONDS) for _ in range(CLIENTS)]
    taken = load(elsewhere, CLIENTS, SECONDS)
    for other in others:
        other.wait()
    return p99(taken)
