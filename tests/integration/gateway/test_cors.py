"""Browsers at the gateway's door: pages of named origins may call and read, others are told nothing."""

from collections.abc import Iterator

import pytest
import requests

from ops.engines import RabbitMQ
from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token, running
from tests.suite import Suite

APP, OTHER = "https://app.example.org", "https://evil.example"


@pytest.fixture(scope="module")
def open_to(rabbitmq: RabbitMQ, vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A gateway that one page may call, once or twice a minute."""
    settings = {"RABBITMQ_URL": rabbitmq.uri_of(vhost), "CORS_ORIGINS": APP, "RATE_LIMIT_USER": "1/minute"}
    with running(tmp_path_factory.mktemp("cors"), "gateway", **settings) as suite:
        yield suite


def preflight(url: str, path: str, origin: str) -> requests.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    return Client(url).call("OPTIONS", path, headers={"Origin": origin, **asked})


@pytest.mark.parametrize("path", ["/api/todos", "/api/auth/login", "/nothing/here"])
def test_a_browser_that_asks_first_is_answered_without_a_login(open_to: Suite, path: str) -> None:
    answer = preflight(open_to.url, path, APP)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Max-Age"] == "7200"
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/api/todos", 401), ("/nothing", 404), ("/api/auth/login", 405)]
)
def test_every_answer_can_be_read_by_the_page_errors_too(open_to: Suite, path: str, status: int) -> None:
    answer = Client(open_to.url).get(path, headers={"Origin": APP})

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


def test_so_can_the_word_of_a_service_that_is_down_and_a_refusal_for_calling_too_often(
    open_to: Suite, token: Token
) -> None:
    ada = Client(open_to.url, token())
    answers = [ada.get("/api/todos", headers={"Origin": APP}) for _ in range(2)]

    assert [one.status_code for one in answers] == [503, 429]
    assert {one.headers["Access-Control-Allow-Origin"] for one in answers} == {APP}


@pytest.mark.parametrize("origin", [OTHER, "null", APP + ".evil.example", ""])
def test_other_pages_are_told_nothing(open_to: Suite, origin: str) -> None:
    answers = [
        preflight(open_to.url, "/api/todos", origin),
        Client(open_to.url).get("/", headers={"Origin": origin}),
        Client(open_to.url).get("/nothing", headers={"Origin": origin}),
    ]

    assert [one.status_code for one in answers] == [204, 200, 404]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert "Origin" in answer.headers["Vary"]


def test_options_without_an_origin_tells_the_methods(open_to: Suite) -> None:
    answer = Client(open_to.url).call("OPTIONS", "/api/todos")

    assert answer.status_code == 204
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


def test_without_a_list_there_is_no_word_of_origins(gateway: Suite) -> None:
    answer = Client(gateway.url).get("/", headers={"Origin": APP})

    assert "Origin" not in answer.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in answer.headers
