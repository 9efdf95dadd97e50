"""A process's report on itself: asking often hurts nobody, and nothing that hangs holds it up."""

import contextlib
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest

from common import health, metrics
from common.health import Health, Probe, Unwell


class Server:
    """A dependency that counts how often it is asked, and answers as it is told to."""

    def __init__(self, answer: Any) -> None:
        self.asked = 0
        self._answer = answer

    def probes(self) -> tuple[Probe, ...]:
        """One question."""
        return (Probe("server", self._ask),)

    def _ask(self) -> str | None:
        self.asked += 1
        eventlet.sleep(0.02)
        found: str | None = self._answer()
        return found


def reporter(server: Server, is_starting: bool = False) -> Any:
    """How a worker of a process with this dependency asks."""
    provider = Health()
    provider.container = SimpleNamespace(dependencies=[server])
    provider.setup()
    if not is_starting:
        provider._starts_until = 0.0
    return provider.get_dependency(None)


def refuse() -> None:
    """A server that is away."""
    raise ConnectionRefusedError("10.0.0.7:5432")


def warn() -> None:
    """A server with something to say."""
    raise Unwell("3 wait, the oldest for 31 s")


def test_fifty_who_ask_at_the_same_time_are_one_question_to_the_server() -> None:
    server = Server(lambda: "fine")
    report = reporter(server)
    found = [eventlet.spawn(report) for _ in range(50)]
    assert {one.wait()["dependencies"]["server"]["detail"] for one in found} == {"fine"}
    assert server.asked == 1


def test_who_asks_again_within_a_second_gets_the_same_report(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(lambda: None)
    report = reporter(server)
    assert report() is report()
    monkeypatch.setattr(health, "_CACHE_SECONDS", 0)
    report()
    assert server.asked == 2


def test_a_server_that_never_answers_fails_in_time_and_is_not_asked_by_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "PROBE_SECONDS", 0.05)
    server = Server(lambda: eventlet.sleep(60))
    report = reporter(server)
    found = [eventlet.spawn(report) for _ in range(10)]
    details = {one.wait()["dependencies"]["server"]["detail"] for one in found}
    assert details == {"no answer in time"}
    assert server.asked == 1


def test_a_driver_that_goes_on_when_its_time_is_over_does_not_hold_up_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stubborn() -> None:
        with contextlib.suppress(Exception):  # as if a connection were lost: another one is tried
            eventlet.sleep(60)
        eventlet.sleep(60)

    monkeypatch.setattr(health, "PROBE_SECONDS", 0.05)
    with eventlet.Timeout(5):
        found = reporter(Server(stubborn))()
    part = found["dependencies"]["server"]
    assert (found["status"], part["status"], part["detail"]) == ("fail", "fail", "no answer in time")


@pytest.mark.parametrize(
    ("answer", "detail"), [(refuse, "not reachable"), (warn, "3 wait, the oldest for 31 s")]
)
def test_what_is_wrong_is_told_without_addresses(answer: Any, detail: str) -> None:
    found = reporter(Server(answer))()
    assert found["status"] == "fail"
    assert found["dependencies"]["server"]["detail"] == detail


def test_who_asks_a_process_that_has_just_started_waits_until_it_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "broker_is_up", lambda: True)
    server = Server(lambda: refuse() if server.asked < 4 else None)
    report = reporter(server, is_starting=True)
    assert report()["status"] == "pass"
    assert server.asked == 4


def test_a_process_that_does_not_become_well_says_so_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.1)
    server = Server(refuse)
    assert reporter(server, is_starting=True)()["status"] == "fail"
    assert server.asked > 1
