"""Limits at the gateway's door: what clients are told, whom an address stands for, several gateways."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from ops.engines import MongoDB, RabbitMQ
from ops.engines.ports import free_port
from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token, running, wait_until
from tests.integration.gateway.test_edge import problem
from tests.suite import Suite

LIMITS = {
    "RATE_LIMIT_ANONYMOUS": "5/2 seconds",
    "RATE_LIMIT_USER": "8/2 seconds",
    "TRUSTED_PROXIES": "127.0.0.1",
}


@pytest.fixture(scope="module")
def limited(rabbitmq: RabbitMQ, vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A gateway with low limits, behind a proxy: the tests."""
    directory = tmp_path_factory.mktemp("limited")
    with running(directory, "gateway", RABBITMQ_URL=rabbitmq.uri_of(vhost), **LIMITS) as suite:
        yield suite


@pytest.fixture
def anyone(limited: Suite) -> Client:
    return Client(limited.url)


def come_from(client: Client, address: str, path: str = "/") -> requests.Response:
    return client.get(path, headers={"X-Forwarded-For": address})


def test_every_answer_says_what_is_left(anyone: Client) -> None:
    first, second = come_from(anyone, "198.51.100.1"), come_from(anyone, "198.51.100.1", "/api/todos")

    assert first.headers["RateLimit-Limit"] == "5"
    assert first.headers["RateLimit-Policy"] == '"anonymous";q=5;w=2'
    assert (first.headers["RateLimit-Remaining"], second.headers["RateLimit-Remaining"]) == ("4", "3")
    assert second.headers["RateLimit"] == f'"anonymous";r=3;t={second.headers["RateLimit-Reset"]}'
    assert second.status_code == 401


def test_who_calls_too_often_waits_as_long_as_the_answer_says(anyone: Client) -> None:
    answers = [come_from(anyone, "198.51.100.2") for _ in range(7)]

    assert [one.status_code for one in answers] == [200] * 5 + [429] * 2
    late = answers[-1]
    problem(late, 429, "rate_limited")
    assert late.headers["Retry-After"] == late.headers["RateLimit-Reset"]
    assert late.headers["RateLimit-Remaining"] == "0"
    time.sleep(int(late.headers["Retry-After"]))
    assert come_from(anyone, "198.51.100.2").status_code == 200


def test_an_address_is_a_client_and_for_ipv6_its_network(anyone: Client) -> None:
    for _ in range(5):
        come_from(anyone, "2001:db8:1:2::1")

    assert come_from(anyone, "2001:db8:1:2::ffff").status_code == 429
    assert come_from(anyone, "2001:db8:1:3::1").status_code == 200


def test_what_a_client_writes_before_the_proxy_s_word_does_not_help(anyone: Client) -> None:
    answers = [come_from(anyone, f"203.0.113.{number}, 198.51.100.3") for number in range(6)]

    assert [one.status_code for one in answers] == [200] * 5 + [429]


def test_users_count_for_themselves_wherever_they_are(limited: Suite, token: Token) -> None:
    ada, bob = Client(limited.url, token()), Client(limited.url, token())
    answers = [_say_nonsense(ada, f"198.51.100.{number}") for number in range(10)]

    assert answers[0].headers["RateLimit-Policy"] == '"user";q=8;w=2'
    assert [one.status_code for one in answers] == [400] * 8 + [429] * 2
    assert _say_nonsense(bob, "198.51.100.1").status_code == 400


def _say_nonsense(client: Client, address: str) -> requests.Response:
    headers = {"X-Forwarded-For": address, "Content-Type": "application/json"}
    return client.call("POST", "/api/todos", data="{", headers=headers)


def test_health_and_metrics_are_never_limited(anyone: Client) -> None:
    for path in ("/health/live", "/metrics"):
        answers = [come_from(anyone, "198.51.100.4", path) for _ in range(8)]
        assert {one.status_code for one in answers} == {200}
        assert "RateLimit" not in answers[0].headers


def test_refusals_are_counted(anyone: Client) -> None:
    for _ in range(6):
        come_from(anyone, "198.51.100.5")

    assert 'suite_rate_limited_total{limit="anonymous"}' in anyone.get("/metrics").text


def test_links_are_under_the_address_that_the_client_used(anyone: Client) -> None:
    headers = {
        "X-Forwarded-For": "198.51.100.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "todo.test",
    }

    assert anyone.get("/", headers=headers).json()["links"]["todos"] == "https://todo.test/api/todos"


def test_strangers_are_not_believed_who_they_are(gateway: Suite) -> None:
    headers = {
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Host": "evil.test",
        "Forwarded": "host=evil.test",
    }

    assert "evil" not in Client(gateway.url).get("/", headers=headers).text
    wait_until(lambda: "forwarded_header_ignored" in gateway.logs())
    assert "198.51.100.7" not in gateway.logs()


def test_two_gateways_share_one_count(
    rabbitmq: RabbitMQ, vhost: str, mongodb: MongoDB, tmp_path: Path, token: Token
) -> None:
    settings = {"RABBITMQ_URL": rabbitmq.uri_of(vhost), "RATE_LIMIT_STORAGE_URI": mongodb.uri}
    settings["RATE_LIMIT_ANONYMOUS"] = "6/minute"
    places = [tmp_path / name for name in ("one", "two")]
    with ExitStack() as stack:
        for place in places:
            place.mkdir()
        suites = [stack.enter_context(running(place, "gateway", **settings)) for place in places]
        for suite in suites:  # a call passes uncounted until its gateway has reached the store
            admin = Client(suite.url, token("admin"))
            wait_until(lambda admin=admin: "RateLimit" in admin.get("/api/services").headers)  # type: ignore[misc]
        answers = [Client(suite.url).get("/") for _ in range(4) for suite in suites]

    assert [one.status_code for one in answers] == [200] * 6 + [429] * 2
    assert [one.headers["RateLimit-Remaining"] for one in answers] == list("54321000")


def test_a_dead_store_lets_everybody_pass_and_is_counted(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    settings = {"RABBITMQ_URL": rabbitmq.uri_of(vhost), "RATE_LIMIT_ANONYMOUS": "1/minute"}
    settings["RATE_LIMIT_STORAGE_URI"] = f"redis://127.0.0.1:{free_port()}/0"
    with running(tmp_path, "gateway", **settings) as suite:
        answers = [Client(suite.url).get("/") for _ in range(5)]
        told = Client(suite.url).get("/metrics").text
        logs = suite.logs()

    assert {one.status_code for one in answers} == {200}
    assert "RateLimit" not in answers[0].headers
    assert "suite_rate_limit_unchecked_total 0" not in told
    assert logs.count("rate_limit_store_down") == 1
