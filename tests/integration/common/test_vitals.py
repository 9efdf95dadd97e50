"""A process that is up and takes nothing any more is not well, and its health says so."""

from typing import Any

import eventlet
import pytest

from common import consumer
from common.consumer import QueueConsumer
from common.transport.link import Link
from services.auth.service import AuthService
from tests.integration.conftest import Run
from tests.integration.running import Running, eventually, make_config


@pytest.fixture
def auth(vhost_uri: str, run: Run) -> Running:
    running = run(AuthService, make_config(AMQP_URI=vhost_uri))
    eventually(lambda: report(running)["status"] == "pass", 15)
    return running


def report(running: Running) -> Any:
    """How the process is, by its own words."""
    return running.inject("report")()


def test_one_whose_calls_are_not_taken_any_more_fails(auth: Running) -> None:
    auth.container.shared_extensions[Link].kill()
    eventually(lambda: report(auth)["status"] == "fail")
    found = report(auth)["dependencies"]
    assert (found["consumers"]["status"], found["consumers"]["detail"]) == ("fail", "no calls are taken")
    assert found["rabbitmq"]["status"] == "pass"


def test_one_whose_consumer_is_stuck_fails_until_it_goes_on(
    auth: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "_STUCK_SECONDS", 0.5)
    taking = auth.container.shared_extensions[QueueConsumer]
    gate, go_on = eventlet.event.Event(), taking.on_iteration

    def hang() -> None:
        gate.wait()
        go_on()

    monkeypatch.setattr(taking, "on_iteration", hang)
    eventually(lambda: report(auth)["dependencies"]["consumers"].get("detail") == "no events are taken")
    gate.send()
    eventually(lambda: report(auth)["status"] == "pass")
