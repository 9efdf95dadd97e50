"""A service that is silent, gone or slow: who calls it is not held up, and finds it again at once."""

import time
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest

from common import metrics, rpc_guard
from common.errors import DeadlineExceeded, Unavailable
from common.identity import Allow
from common.rpc import Service, rpc
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
    yield run(Caller, make_config(AMQP_URI=vhost_uri, RPC_DEADLINE=2))


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


def test_calls_to_a_service_that_is_down_are_refused_after_the_first_until_it_is_back(
    caller: Running, start_target: Any
) -> None:
    start_target().stop()  # its queue is there, and nobody at it
    assert outcome(caller) == "unavailable"
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


def test_a_call_that_had_little_time_does_not_let_others_be_refused(
    vhost_uri: str, run: Run, start_target: Any
) -> None:
    start_target().stop()
    hasty = run(Caller, make_config(AMQP_URI=vhost_uri, RPC_DEADLINE=4))  # its calls have one second of these
    assert outcome(hasty) == "unavailable"
    assert state(hasty) == "closed"


def test_while_it_is_away_one_call_at_a_time_looks_for_it(caller: Running, start_target: Any) -> None:
    start_target().stop()
    guard = caller.provider("target").rpc_reply_listener.guard_of("target")
    for _ in range(rpc_guard.FAILURES):
        guard.not_answered(DeadlineExceeded("deadline_exceeded", "."), 1)
    eventlet.sleep(rpc_guard.PAUSE_SECONDS)
    outcomes = list(eventlet.GreenPool(20).imap(lambda _: outcome(caller), range(20)))
    assert outcomes == ["unavailable"] * 20
    assert guard.breaker.state == "open"
    assert guard.breaker.retry_after > rpc_guard.PAUSE_SECONDS  # one was let through, and found nobody


@pytest.mark.parametrize("is_shared", [False, True], ids=["a call each", "one call"])
def test_a_service_that_is_there_and_silent_is_late_and_refused_after_some_calls(
    caller: Running, start_target: Any, is_shared: bool
) -> None:
    start_target()
    target = caller.inject("target")
    target = target.shared if is_shared else target

    def word(_: int) -> str:
        with pytest.raises((Unavailable, DeadlineExceeded)) as told:
            target.sleep(seconds=3, mark="x")
        return str(told.value.code)

    words = list(eventlet.GreenPool(10).imap(word, range(rpc_guard.FAILURES)))
    assert words == ["deadline_exceeded"] * rpc_guard.FAILURES
    assert state(caller) == "open"
    assert word(0) == "unavailable"


def test_a_call_to_a_service_that_comes_back_within_its_time_is_answered(
    caller: Running, start_target: Any
) -> None:
    start_target().stop()
    call = eventlet.spawn(lambda: caller.inject("patient").echo(value="bridged"))
    eventlet.sleep(1.2)
    start_target()
    assert call.wait() == "bridged"


def test_who_calls_by_way_of_another_service_is_told_which_one_is_down(
    vhost_uri: str, run: Run, start_target: Any
) -> None:
    class Between:
        """Calls the target for those who call it."""

        name = "between"
        target: Any = Service("target")

        @rpc(allow=Allow.PUBLIC)
        def echo(self, value: str) -> Any:
            return self.target.echo(value=value)

    class Outer:
        """Waits two seconds for both."""

        name = "outer"
        between: Any = Service("between", deadline=2)

    start_target().stop()
    config = make_config(AMQP_URI=vhost_uri)
    run(Between, config)
    outer = run(Outer, config)
    with pytest.raises(Unavailable, match="The target service"):
        outer.inject("between").echo(value="ok")


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
