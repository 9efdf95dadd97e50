"""A broker that is frozen, gone, or without a queue."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token, running, wait_until
from tests.integration.link import Link
from tests.integration.running import Wire
from tests.suite import Suite


@pytest.fixture(scope="module")
def link(vhost_uri: str) -> Link:
    """All that the gateway sees of the broker, which others use meanwhile."""
    return Link(vhost_uri)


@pytest.fixture(scope="module")
def alone(link: Link, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A gateway that these tests may cut off."""
    with running(tmp_path_factory.mktemp("alone"), "gateway", RABBITMQ_URL=link.uri) as suite:
        yield suite


@contextmanager
def frozen(link: Link) -> Iterator[None]:
    """The connections stand and nothing comes, as from a machine that swaps."""
    link.freeze()
    try:
        yield
    finally:
        link.thaw()


@contextmanager
def gone(link: Link) -> Iterator[None]:
    """The connections have ended and new ones are refused."""
    link.cut()
    try:
        yield
    finally:
        link.mend()


@pytest.fixture
def ada(alone: Suite, token: Token) -> Client:
    return Client(alone.url, token())


def timed(client: Client, path: str) -> tuple[int, float]:
    started = time.monotonic()
    return client.get(path).status_code, time.monotonic() - started


def shown(health: requests.Response) -> Any:
    """How many user services there are, as far as the gateway knows."""
    return health.json()["services"]["users"]["instances"]


def blamed(health: requests.Response) -> set[str]:
    """What is said of the broker, by whatever services it is said."""
    parts = health.json()["services"].values()
    return {part["dependencies"].get("rabbitmq", {}).get("detail", "nothing") for part in parts}


def test_a_service_whose_queue_is_gone_is_a_503_with_retry_after(wire: Wire, ada: Client) -> None:
    wire.channel.queue_delete("rpc-todos")
    answer = ada.get("/api/todos")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_a_frozen_broker_holds_nobody_past_the_deadline(link: Link, ada: Client) -> None:
    ada.get("/api/users/me")  # so that there are connections that can freeze
    with frozen(link), ThreadPoolExecutor(15) as clients:
        calls = [clients.submit(timed, ada, "/api/users/me") for _ in range(14)]
        health, health_seconds = timed(ada, "/health")
        live, live_seconds = timed(ada, "/health/live")
        assert blamed(ada.get("/health")) == {"no answer in time"}
        outcomes = [call.result() for call in calls]

    assert {status for status, _ in outcomes} <= {503, 504}
    assert max(seconds for _, seconds in outcomes) < 3
    assert (health, live) == (503, 200)
    assert health_seconds < 2
    assert live_seconds < 0.5
    wait_until(lambda: shown(ada.get("/health")) == 0)
    assert blamed(ada.get("/health")) == {"nothing"}  # which answers: it is the services that are away


def test_health_answers_in_time_while_the_broker_is_gone(link: Link, ada: Client) -> None:
    answers: list[requests.Response] = []
    with gone(link):
        while not answers or shown(answers[-1]) is not None:  # a report is shown for a second
            answers.append(ada.get("/health"))
            assert len(answers) < 100
            time.sleep(0.05)
        status, seconds = timed(ada, "/health/ready")

    assert answers[-1].status_code == status == 503
    assert blamed(answers[-1]) == {"The broker is not available."}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 2
    assert seconds < 2
