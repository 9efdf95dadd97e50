"""A service that is silent, gone or slow: who calls it is not held up, and finds it again at once."""

import time
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest

from common import metrics, rpc_guard
from common.errors import DeadlineExceeded, Unavailable
from common.rpc import Service
from tests.integration.common.calls import Target
from tests.integration.conftest import Run
from tests.integration.running import Running, eventually, make_config


class Caller:
    """Calls a service that comes and goes."""

    name = "caller"
    target: Any = Service("target", deadline=1.0)
    patient: Any = Service("target", deadline=10)


@pytest.fixture
def caller(vhost_uri: str, run: Run) -> Iterator[Running]:
    yield run(Caller, make_config(AMQP_URI=vhost_uri))


@pytest.fixture
def start_target(vhost_uri: str, run: Run) -> Any:
    return lambda: run(Target, make_config(AMQP_URI=vhost_uri))


def outcome(caller: Running) -> str:
    try:
        return str(caller.inject("target").echo(value="ok"))
    except (Unavailable, DeadlineExceeded) as error:
        return error.code


def state(caller: Running) -> str:
    return str(caller.provider("target").rpc_reply_listener.guard_of("target").breaker.state)


def test_calls_to_a_silent_service_are_refused_at_once_until_it_is_back(
    caller: Running, start_target: Any
) -> None:
    start_target().stop()  # its queue is there, and nobody at it
    assert [outcome(caller) for _ in range(rpc_guard.FAILURES)] == ["deadline_exceeded"] * rpc_guard.FAILURES
    assert state(caller) == "open"
    started = time.monotonic()
    assert {outcome(caller) for _ in range(20)} == {"unavailable"}
    assert time.monotonic() - started < 0.2
    assert b'suite_breaker_state{target="target"} 2.0' in metrics.exposition()[0]

    start_target()
    back = time.monotonic()
    eventually(lambda: outcome(caller) == "ok", 5)
    assert time.monotonic() - back < 2
    assert state(caller) == "closed"


def test_while_it_is_away_one_call_at_a_time_looks_for_it(caller: Running, start_target: Any) -> None:
    start_target().stop()
    guard = caller.provider("target").rpc_reply_listener.guard_of("target")
    for _ in range(rpc_guard.FAILURES):
        guard.not_answered(DeadlineExceeded("deadline_exceeded", "."), 1)
    eventlet.sleep(rpc_guard.PAUSE_SECONDS)
    outcomes = list(eventlet.GreenPool(20).imap(lambda _: outcome(caller), range(20)))
    assert outcomes.count("deadline_exceeded") == 1
    assert outcomes.count("unavailable") == 19


def test_errors_of_a_service_that_answers_keep_the_breaker_closed(caller: Running, start_target: Any) -> None:
    start_target()
    for word in ("NotFound", "Unavailable", "InternalError", "DeadlineExceeded"):
        for _ in range(rpc_guard.FAILURES + 1):
            with pytest.raises(Exception, match="A sentence"):
                caller.inject("target").fail(word=word)
    assert state(caller) == "closed"


def test_an_impatient_caller_says_nothing_about_the_service(caller: Running, start_target: Any) -> None:
    start_target()
    for _ in range(rpc_guard.FAILURES + 1):
        with pytest.raises(DeadlineExceeded):
            caller.inject("target").within(0.05).sleep(seconds=1, mark="x")
    assert state(caller) == "closed"


@pytest.fixture
def four_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """For who starts after this: a guard is made with its process."""
    monkeypatch.setattr(rpc_guard, "UNDER_WAY", 4)


def test_a_slow_service_gets_so_many_calls_and_no_more(
    four_places: None, caller: Running, start_target: Any
) -> None:
    start_target()

    def slow(_: int) -> str:
        try:
            return str(caller.inject("patient").sleep(seconds=1, mark="slow"))
        except Unavailable as error:
            return error.code

    started = time.monotonic()
    outcomes = list(eventlet.GreenPool(10).imap(slow, range(10)))
    assert sorted(outcomes) == ["overloaded"] * 6 + ["slow"] * 4
    assert time.monotonic() - started < 2
    assert caller.inject("patient").echo(value="ok") == "ok"
