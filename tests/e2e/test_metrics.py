"""The metrics of a running suite: each process has them, and no label grows with what clients send."""

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.e2e.client import Client
from tests.suite import SERVICES, Suite


def samples(suite: Suite, service: str) -> Iterator[Sample]:
    """All samples of a process."""
    text = requests.get(f"{suite.url_of(service)}/metrics", timeout=5).text
    for family in text_string_to_metric_families(text):
        yield from family.samples


def total(suite: Suite, service: str, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    found = (one for one in samples(suite, service) if one.name == name)
    return sum(one.value for one in found if labels.items() <= one.labels.items())


@pytest.mark.parametrize("service", SERVICES)
def test_every_process_shows_how_it_is(suite: Suite, service: str) -> None:
    found = {one.name: one for one in samples(suite, service)}
    pools = {one.labels["pool"] for one in samples(suite, service) if one.name == "suite_pool_size"}

    assert found["suite_hub_lag_seconds_count"].value > 0
    assert found["suite_rpc_link_up"].value == 1
    assert found["suite_broker_blocked"].value == 0
    assert found["suite_build_info"].labels["service"] == service
    assert {"workers", "http"} <= pools


def test_the_databases_pools_and_the_mail_servers_are_shown(suite: Suite) -> None:
    wanted = {"users": "postgresql", "todos": "mongodb", "notifications": "smtp", "auth": "hashing"}
    for service, pool in wanted.items():
        assert total(suite, service, "suite_pool_size", pool=pool) > 0
        assert 0 <= total(suite, service, "suite_pool_in_use", pool=pool) < 40


def test_a_todo_is_counted_by_its_route_and_not_by_its_id(suite: Suite, ada: Client) -> None:
    made = ada.post("/api/todos", {"title": "Count me"}).json()["id"]
    ada.get(f"/api/todos/{made}")
    ada.get(f"/api/{uuid.uuid4()}")

    labels = [one.labels for one in samples(suite, "gateway") if one.name.startswith("suite_")]
    assert total(suite, "gateway", "suite_http_request_seconds_count", route="/api/todos", method="POST") > 0
    assert not [one for one in labels if made in str(one)]
    assert len({one["route"] for one in labels if "route" in one}) < 80


def test_logins_and_events_are_counted_by_what_came_of_them(
    suite: Suite, ada: Client, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    ada.post("/api/auth/login", {"email": ada.user["email"], "password": "not the right one"})

    assert total(suite, "auth", "suite_logins_total", outcome="succeeded") > 0
    assert total(suite, "auth", "suite_logins_total", outcome="wrong_password") > 0
    eventually(lambda: total(suite, "notifications", "suite_mail_send_seconds_count", outcome="sent") > 0)
    assert total(suite, "messaging", "suite_event_delay_seconds_count", event="user_registered") > 0


def test_requests_give_way_to_hashing_and_mails_to_requests(suite: Suite) -> None:
    def niceness(*services: str) -> set[int]:
        return {os.getpriority(os.PRIO_PROCESS, suite.processes[name].pid) for name in services}

    started_with = os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness("auth") == {started_with}
    assert niceness("gateway", "users", "todos") == {max(6, started_with)}
    assert niceness("messaging", "notifications") == {max(11, started_with)}
