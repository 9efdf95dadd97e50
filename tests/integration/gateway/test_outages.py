"""A broker that is frozen, gone, or without a queue; and a gateway that is told to stop."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from ops.engines import RabbitMQ
from ops.engines.ports import free_port
from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token, running, wait_until
from tests.suite import Suite


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker that these tests may break."""
    broker = RabbitMQ(tmp_path_factory.mktemp("broker"), free_port(), free_port(), fast=True)
    broker.start()
    broker.wait_ready(60)
    yield broker
    broker.kill()


@pytest.fixture
def alone(broker: RabbitMQ, tmp_path: Path) -> Iterator[Suite]:
    """A gateway that these tests may stop."""
    with running(tmp_path, "gateway", RABBITMQ_URL=broker.uri) as suite:
        yield suite


@pytest.fixture
def ada(alone: Suite, token: Token) -> Client:
    return Client(alone.url, token())


@contextmanager
def frozen(broker: RabbitMQ) -> Iterator[None]:
    """The broker keeps its connections and says nothing, as a machine does that swaps."""
    children = subprocess.run(["pgrep", "-P", str(broker.pid)], capture_output=True, text=True, check=False)
    pids = [broker.pid, *map(int, children.stdout.split())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def timed(client: Client, path: str) -> tuple[int, float]:
    started = time.monotonic()
    return client.get(path).status_code, time.monotonic() - started


def test_a_service_whose_queue_is_gone_is_a_503_with_retry_after(broker: RabbitMQ, ada: Client) -> None:
    broker.ctl("delete_queue", "rpc-todos")
    answer = ada.get("/api/todos")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_a_frozen_broker_holds_nobody_past_the_deadline(broker: RabbitMQ, ada: Client) -> None:
    ada.get("/api/users/me")  # so that there are connections that can freeze
    with frozen(broker), ThreadPoolExecutor(15) as clients:
        calls = [clients.submit(timed, ada, "/api/users/me") for _ in range(14)]
        health, health_seconds = timed(ada, "/health")
        live, live_seconds = timed(ada, "/health/live")
        outcomes = [call.result() for call in calls]

    assert {status for status, _ in outcomes} <= {503, 504}
    assert max(seconds for _, seconds in outcomes) < 3
    assert (health, live) == (503, 200)
    assert health_seconds < 2
    assert live_seconds < 0.5
    wait_until(lambda: ada.get("/health").json()["services"]["users"]["instances"] == 0)


def test_health_answers_in_time_while_the_broker_is_gone(broker: RabbitMQ, ada: Client) -> None:
    broker.kill()
    try:
        answer = ada.get("/health")
        status, seconds = timed(ada, "/health/ready")
    finally:
        broker.start()
        broker.wait_ready(60)

    assert answer.status_code == status == 503
    assert answer.elapsed.total_seconds() < 2
    assert seconds < 2
    assert answer.json()["services"]["users"]["instances"] is None


def test_a_gateway_that_is_told_to_stop_ends_in_seconds_and_in_order(alone: Suite) -> None:
    keepalive = requests.Session()
    keepalive.get(f"{alone.url}/")
    started = time.monotonic()
    alone.processes["gateway"].terminate()

    assert alone.processes["gateway"].wait(20) == 0
    assert time.monotonic() - started < 6


def test_what_is_under_way_is_answered_before_the_gateway_ends(alone: Suite, ada: Client) -> None:
    answers: list[requests.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(ada.get("/api/todos")))
    waiting.start()
    time.sleep(0.5)
    alone.processes["gateway"].terminate()
    waiting.join()

    assert answers[0].status_code in (503, 504)
    assert answers[0].headers["Connection"] == "close"
    assert alone.processes["gateway"].wait(20) == 0
    with pytest.raises(requests.ConnectionError):
        ada.get("/")
