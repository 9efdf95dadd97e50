"""The health routes, with every service away: the worst case is when they matter."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from ops.engines import RabbitMQ
from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token, running
from tests.suite import Suite

SERVICES = {"auth", "users", "todos", "messaging", "notifications"}


def timed(anyone: Client, path: str) -> tuple[requests.Response, float]:
    started = time.monotonic()
    return anyone.get(path), time.monotonic() - started


def test_health_fails_within_two_seconds_with_every_service_away(anyone: Client) -> None:
    answer, seconds = timed(anyone, "/health")
    report = answer.json()

    assert answer.status_code == 503
    assert seconds < 2
    assert set(report) == {"status", "version", "checked_at", "services"}
    assert report["status"] == "fail"
    assert set(report["services"]) == SERVICES


def test_a_service_that_is_away_is_shown_with_no_instance_and_a_reason(anyone: Client) -> None:
    part = anyone.get("/health").json()["services"]["todos"]

    assert part.pop("latency_ms") >= 0
    assert part == {"status": "fail", "instances": 0, "dependencies": {}, "detail": "no answer in time"}


def test_requests_at_the_same_time_share_one_report(anyone: Client) -> None:
    time.sleep(1.1)
    with ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(lambda _: timed(anyone, "/health"), range(10)))

    assert len({answer.json()["checked_at"] for answer, _ in answers}) == 1
    assert max(seconds for _, seconds in answers) < 2


def test_the_process_is_alive_but_not_ready(anyone: Client) -> None:
    live, ready = anyone.get("/health/live"), anyone.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "pass"})
    assert (ready.status_code, ready.json()) == (503, {"status": "fail"})


def test_health_needs_no_place_among_the_workers(gateway: Suite, admin: Client, anyone: Client) -> None:
    with ThreadPoolExecutor(8) as clients:  # twice as many as the gateway has workers
        waiting = [clients.submit(admin.get, "/api/messages") for _ in range(8)]
        time.sleep(0.3)
        live, live_seconds = timed(anyone, "/health/live")
        assert not any(one.done() for one in waiting)
        health, health_seconds = timed(anyone, "/health")
        statuses = {one.result().status_code for one in waiting}

    assert (live.status_code, health.status_code) == (200, 503)
    assert live_seconds < 0.5
    assert health_seconds < 2
    assert statuses == {503}


def test_who_waits_too_long_for_a_worker_is_sent_away(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, token: Token
) -> None:
    few = {"RABBITMQ_URL": rabbitmq.uri_of(vhost), "GATEWAY_WORKERS": "4", "RPC_DEADLINE": "7"}
    with running(tmp_path, "gateway", **few) as suite, ThreadPoolExecutor(12) as clients:
        ada = Client(suite.url, token())
        answers = list(clients.map(lambda _: ada.get("/api/todos"), range(12)))

    assert {answer.status_code for answer in answers} == {503}
    codes = sorted(answer.json()["code"] for answer in answers)
    assert codes == ["overloaded"] * 8 + ["unavailable"] * 4
    assert all(answer.headers["Retry-After"] for answer in answers)
