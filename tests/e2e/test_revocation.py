"""An ended session is refused everywhere at once: on every route, every gateway, every service."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from nameko.standalone.rpc import ClusterRpcProxy

from common import config as settings
from common.errors import Unauthenticated
from common.identity import Allow
from gateway.service import GatewayService
from ops.engines import RabbitMQ
from ops.engines.ports import free_port
from tests.e2e.client import Client
from tests.preloaded import Service
from tests.suite import Suite

SECONDS = 1.0
Eventually = Callable[..., None]


def routes() -> list[tuple[str, str]]:
    """Every route of the gateway that needs a token."""
    methods = [getattr(GatewayService, name) for name in dir(GatewayService)]
    points = [one for method in methods for one in getattr(method, "nameko_entrypoints", ())]
    guarded = [one for one in points if one.kind == "http" and one.allow is not Allow.PUBLIC]
    return sorted((method, one.url) for one in guarded for method in one.method.split(","))


@contextlib.contextmanager
def gateway(suite: Suite) -> Iterator[str]:
    """A further gateway, from when it lets people in until the end of the block; its address."""
    port = free_port()
    environment = suite.environment | {"PORT": str(port)}
    process = Service("gateway", environment, suite.directory / f"gateway-{port}.log")
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + 30
    try:
        while not is_ready(address):
            assert time.monotonic() < end, "the further gateway is not ready"
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def is_ready(address: str) -> bool:
    """Whether the gateway says so."""
    try:
        return requests.get(f"{address}/health/ready", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def gateways(suite: Suite) -> Iterator[list[str]]:
    """Two gateways side by side."""
    with gateway(suite) as further:
        yield [suite.url, further]


@pytest.fixture
def tablet(anyone: Client, ada: Client) -> Client:
    """Ada on another device."""
    return anyone.login(ada.user["email"])


def status(client: Client, address: str) -> int:
    """What the client's token is worth at a gateway."""
    return Client(address, client.token).get("/api/todos").status_code


def refused_everywhere(client: Client, gateways: list[str], ended_at: float) -> None:
    """Within a second of that moment, no gateway lets the token in; and none takes it again later."""
    while not all(status(client, address) == 401 for address in gateways):
        assert time.monotonic() - ended_at < SECONDS
    time.sleep(0.2)
    answers = [Client(address, client.token).get("/api/users/me") for address in gateways]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(401, "token_revoked")] * len(
        gateways
    )
    assert all(one.headers["WWW-Authenticate"].startswith("Bearer") for one in answers)


def test_after_a_logout_the_next_request_is_refused_on_every_route_of_every_gateway(
    ada: Client, gateways: list[str]
) -> None:
    assert [status(ada, address) for address in gateways] == [200, 200]
    assert ada.post("/api/auth/logout").status_code == 204
    assert [status(ada, address) for address in gateways] == [401, 401]

    assert len(routes()) > 30
    for address in gateways:
        client = Client(address, ada.token)
        found = {(method, url): client.call(method, url, json={}).status_code for method, url in routes()}
        assert set(found.values()) == {401}, found
    late = ada.post("/api/auth/refresh", {"refresh_token": ada.refresh_token})
    assert late.status_code == 401


@pytest.mark.parametrize("number", range(10))
def test_a_logout_is_known_on_all_gateways_when_it_is_answered(
    anyone: Client, gateways: list[str], number: int
) -> None:
    client = anyone.register().login()
    here, there = gateways[:: 1 if number % 2 else -1]
    Client(here, client.token).post("/api/auth/logout")
    assert (status(client, there), status(client, here)) == (401, 401)


def test_a_logout_ends_one_session_and_a_logout_from_all_ends_all(
    ada: Client, tablet: Client, gateways: list[str]
) -> None:
    tablet.post("/api/auth/logout")
    refused_everywhere(tablet, gateways, time.monotonic())
    assert [status(ada, address) for address in gateways] == [200, 200]

    phone = tablet.login(ada.user["email"])
    ada.post("/api/auth/logout-all")
    moment = time.monotonic()
    refused_everywhere(ada, gateways, moment)
    refused_everywhere(phone, gateways, moment + SECONDS)


def test_a_session_that_its_owner_ends_from_another_device_is_over(
    ada: Client, tablet: Client, gateways: list[str]
) -> None:
    [other] = [one for one in ada.get("/api/auth/sessions").json() if not one["current"]]
    assert ada.delete(f"/api/auth/sessions/{other['id']}").status_code == 204
    refused_everywhere(tablet, gateways, time.monotonic())
    assert status(ada, gateways[1]) == 200


def test_an_old_refresh_token_that_comes_again_kills_the_session(ada: Client, gateways: list[str]) -> None:
    first = newest = {"refresh_token": ada.refresh_token}
    for _ in range(3):
        pair = ada.post("/api/auth/refresh", newest).json()
        newest = {"refresh_token": pair["refresh_token"]}
    thief = ada.post("/api/auth/refresh", first)
    moment = time.monotonic()

    assert (thief.status_code, thief.json()["code"]) == (401, "invalid_refresh_token")
    refused_everywhere(Client(ada.base_url, pair["access_token"]), gateways, moment)
    refused_everywhere(ada, gateways, moment + SECONDS)
    assert ada.post("/api/auth/refresh", newest).status_code == 401


@pytest.mark.parametrize("changes", [{"disabled": True}, {"role": "admin"}], ids=["disabled", "role"])
def test_who_is_disabled_or_gets_another_role_is_logged_out(
    ada: Client, admin: Client, gateways: list[str], changes: dict[str, Any]
) -> None:
    path = f"/api/users/{ada.user['id']}"
    try:
        assert admin.patch(path, changes).status_code == 200
        refused_everywhere(ada, gateways, time.monotonic())
    finally:
        admin.patch(path, {"role": "user"})


def test_an_administrator_who_is_demoted_loses_the_rights_at_once(
    ada: Client, admin: Client, gateways: list[str], suite: Suite
) -> None:
    path = f"/api/users/{ada.user['id']}"
    admin.patch(path, {"role": "admin"})
    second = ada.login(ada.user["email"])
    assert second.get("/api/users").status_code == 200
    assert Client(suite.url_of("messaging"), second.token).get("/messages").status_code == 200

    admin.patch(path, {"role": "user"})
    refused_everywhere(second, gateways, time.monotonic())
    assert Client(suite.url_of("messaging"), second.token).get("/messages").status_code == 401


def test_a_deleted_user_is_logged_out(ada: Client, tablet: Client, gateways: list[str]) -> None:
    assert ada.delete("/api/users/me").status_code == 204
    moment = time.monotonic()
    refused_everywhere(ada, gateways, moment)
    refused_everywhere(tablet, gateways, moment + SECONDS)


def test_a_gateway_that_starts_after_the_logout_refuses_it(suite: Suite, ada: Client, tablet: Client) -> None:
    ada.post("/api/auth/logout")
    suite.signal("gateway")
    suite.restart("gateway")
    assert (status(ada, suite.url), status(tablet, suite.url)) == (401, 200)
    with gateway(suite) as new:
        assert (status(ada, new), status(tablet, new)) == (401, 200)


def test_a_service_refuses_a_revoked_token_itself(
    rabbitmq: RabbitMQ, ada: Client, tablet: Client, gateways: list[str]
) -> None:
    """As somebody calls who has the token and the broker's address: `make shell`."""
    ada.post("/api/auth/logout")
    refused_everywhere(ada, gateways, time.monotonic())
    config = {**settings.load(), "AMQP_URI": rabbitmq.uri}
    with ClusterRpcProxy(config, timeout=10, context_data={"auth_token": ada.token}) as n:
        for call in (
            lambda: n.todos.list(query={}),
            n.auth.verify,
            lambda: n.users.get(user_id=ada.user["id"]),
        ):
            with pytest.raises(Unauthenticated) as caught:
                call()
            assert caught.value.code == "token_revoked"
    with ClusterRpcProxy(config, timeout=10, context_data={"auth_token": tablet.token}) as n:
        assert n.todos.list(query={})["items"] == []


def test_while_the_user_service_is_down_who_is_logged_in_goes_on_and_who_is_not_stays_out(
    suite: Suite, ada: Client, tablet: Client, gateways: list[str]
) -> None:
    todo = ada.todo()
    tablet.post("/api/auth/logout")
    suite.signal("users")
    try:
        end = time.monotonic() + 12  # longer than what is known may be old
        slowest = 0.0
        while time.monotonic() < end:
            for address in gateways:
                answer = Client(address, ada.token).get("/api/todos")
                assert [one["id"] for one in answer.json()] == [todo["id"]]
                slowest = max(slowest, answer.elapsed.total_seconds())
                assert status(tablet, address) == 401
            time.sleep(0.1)
    finally:
        suite.restart("users")
    assert slowest < 1
    ada.post("/api/auth/logout")
    refused_everywhere(ada, gateways, time.monotonic())


def test_what_had_ended_stays_ended_when_the_broker_restarts(
    suite: Suite, rabbitmq: RabbitMQ, ada: Client, tablet: Client, gateways: list[str], eventually: Eventually
) -> None:
    ada.post("/api/auth/logout")
    rabbitmq.restart()
    suite.wait_ready()
    eventually(lambda: all(status(tablet, address) == 200 for address in gateways), 20)
    assert [status(ada, address) for address in gateways] == [401, 401]
