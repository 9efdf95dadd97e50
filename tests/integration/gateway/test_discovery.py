"""The list of instances: who is in it, how soon, and what leaves it."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from common import VERSION
from ops.engines import RabbitMQ
from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token, running, wait_until
from tests.integration.running import Wire
from tests.suite import Suite

HEARTBEAT_SECONDS = 2.0


@pytest.fixture(scope="module")
def pair(vhost_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A gateway and auth, which needs no database; it is killed in the last of these tests."""
    with running(tmp_path_factory.mktemp("pair"), "gateway", "auth", RABBITMQ_URL=vhost_uri) as suite:
        yield suite
    assert "Traceback" not in suite.logs()


def instances(suite: Suite, token: Token, service: str = "") -> list[dict[str, Any]]:
    answer = Client(suite.url, token("admin")).get("/api/services")
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json() if service in ("", one["service"])]


def seen(instance: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(instance["last_seen_at"])


def test_only_an_administrator_may_see_the_instances(anyone: Client, ada: Client, admin: Client) -> None:
    assert anyone.get("/api/services").status_code == 401
    assert ada.get("/api/services").status_code == 403
    assert admin.get("/api/services").status_code == 200
    assert admin.post("/api/services", {}).status_code == 405


def test_every_instance_is_listed_with_what_it_says_of_itself(pair: Suite, token: Token) -> None:
    # A process that starts does not know at once which sessions have ended, and says so.
    well = {("auth", "pass"), ("gateway", "pass")}
    wait_until(lambda: {(one["service"], one["status"]) for one in instances(pair, token)} == well)
    auth, gateway = instances(pair, token)
    host, pid = socket.gethostname(), pair.processes["auth"].pid
    assert auth["started_at"] < auth["last_seen_at"]
    assert {name: auth[name] for name in ("service", "instance", "host", "pid", "version", "http_port")} == {
        "service": "auth", "instance": f"{host}:{pid}", "host": host, "pid": pid, "version": VERSION,
        "http_port": pair.ports["auth"],
    }  # fmt: skip
    for path in ("/health/live", "/health/ready"):
        answer = requests.get(f"http://127.0.0.1:{pair.ports['auth']}{path}", timeout=5)
        assert (answer.status_code, answer.json()) == (200, {"status": "pass"})
    assert set(auth) == set(gateway) == {
        "service", "instance", "host", "pid", "version", "http_port", "status", "started_at",
        "last_seen_at", "breakers",
    }  # fmt: skip
    assert (gateway["status"], gateway["http_port"]) == ("pass", pair.ports["gateway"])


def test_an_instance_shows_its_circuit_breakers(pair: Suite, token: Token) -> None:
    user = Client(pair.url, token())
    with ThreadPoolExecutor(10) as clients:  # nobody runs that service
        list(clients.map(lambda _: user.get("/api/todos"), range(10)))
    wait_until(lambda: user.get("/api/todos").json()["code"] == "unavailable")
    wait_until(lambda: instances(pair, token, "gateway")[0]["breakers"].get("todos") in ("open", "half_open"))


def test_the_list_is_complete_again_after_the_brokers_connections_were_cut(
    pair: Suite, token: Token, rabbitmq: RabbitMQ, vhost_uri: str
) -> None:
    wait_until(lambda: len(instances(pair, token)) == 2)
    rabbitmq.ctl("close_all_connections", "--vhost", vhost_uri.rpartition("/")[2], "a test")
    cut = datetime.now(UTC)
    wait_until(lambda: all(seen(one) > cut for one in instances(pair, token)))
    assert {one["status"] for one in instances(pair, token)} <= {"pass", "warn", "fail"}
    assert len(instances(pair, token)) == 2


def test_a_sign_of_life_that_is_none_is_dropped(pair: Suite, token: Token, wire: Wire) -> None:
    wait_until(lambda: len(instances(pair, token)) == 2)
    for body in (b"no JSON", [], {"service": "todos"}, {**instances(pair, token)[0], "pid": "many"}):
        for key in ("alive", "left"):
            wire.send(body, key, "instances")
    time.sleep(0.5)
    assert {one["service"] for one in instances(pair, token)} == {"auth", "gateway"}
    assert pair.logs().count('"event":"sign_of_life_malformed"') == 8


def test_one_that_stops_in_order_leaves_the_list_at_once_and_one_that_is_killed_falls_silent(
    pair: Suite, token: Token
) -> None:
    pair.start("auth.2")
    second = pair.processes.pop("auth.2")
    try:
        wait_until(lambda: len(instances(pair, token, "auth")) == 2)
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
        wait_until(lambda: len(instances(pair, token, "auth")) == 1, seconds=1)
    finally:
        second.kill()
    wait_until(lambda: instances(pair, token, "auth")[0]["status"] == "pass")
    os.kill(pair.processes["auth"].pid, signal.SIGKILL)
    time.sleep(HEARTBEAT_SECONDS)
    assert instances(pair, token, "auth")[0]["status"] == "pass"
    wait_until(lambda: instances(pair, token, "auth")[0]["status"] == "silent", 4 * HEARTBEAT_SECONDS)
