"""Calls that one caller makes again while they are under way: which of them are one call, and which never."""

import io
import json
import logging
import time
from typing import Any

import eventlet
import pytest

from common import context, metrics
from common import logging as suite_logging
from common.errors import Conflict, DeadlineExceeded, Forbidden, InternalError, Unavailable
from common.rpc_guard import UNDER_WAY
from tests.integration.common.calls import Target, in_seconds
from tests.integration.running import Running

pytestmark = pytest.mark.usefixtures("nothing_ends_a_process")
ASKING = {
    context.AUTH_TOKEN: "token", context.CLIENT_IP: "192.0.2.1", context.USER_AGENT: "browser",
    context.BASE_URL: "http://a.example",
}  # fmt: skip


def ask(middle: Running, mark: str = "x", **who: str) -> Any:
    """Who asks, and for what."""
    client = middle.inject("target", **{**ASKING, **who}).shared
    return eventlet.spawn(client.sleep, seconds=0.02, mark=mark)


def outcomes(begun: list[Any]) -> list[str]:
    return [one.wait() for one in begun]


def shared() -> float:
    return float(metrics.CALLS_SHARED.labels("target")._value.get())


def test_what_one_caller_asks_for_meanwhile_is_one_call(middle: Running) -> None:
    before = shared()
    begun = [ask(middle, request_id=f"request-{number}") for number in range(12)]
    assert outcomes(begun) == ["x"] * 12
    assert Target.executed == ["x", "x"]
    assert shared() - before == 10


@pytest.mark.parametrize("name", ASKING)
def test_calls_of_others_are_calls_of_their_own(middle: Running, name: str) -> None:
    begun = [ask(middle), *(ask(middle, **{name: str(number)}) for number in range(3))]
    assert outcomes(begun) == ["x"] * 4
    assert len(Target.executed) == 4


def test_calls_for_something_else_are_calls_of_their_own(middle: Running) -> None:
    assert outcomes([ask(middle, mark) for mark in "abcabc"]) == list("abcabc")
    assert sorted(Target.executed) == list("aabbcc")


def test_who_proves_to_be_a_service_shares_no_answer_with_who_does_not(middle: Running) -> None:
    trusted, anybody = (middle.inject(name, **ASKING).shared for name in ("trusted", "target"))
    seconds = anybody.seconds
    begun = [eventlet.spawn(trusted.within(seconds).inner) for _ in range(5)]
    refused = [eventlet.spawn(anybody.inner) for _ in range(5)]
    assert outcomes(begun) == ["in"] * 5
    for one in refused:
        with pytest.raises(Forbidden):
            one.wait()


def test_who_has_less_time_is_not_told_later_than_that(middle: Running) -> None:
    patient = middle.inject("target", **ASKING).shared
    hurried = middle.inject("target", **ASKING, **in_seconds(0.3)).shared
    begun = [eventlet.spawn(patient.sleep, seconds=1, mark="x") for _ in range(2)]
    for client in (hurried, patient.within(0.2)):
        begun.append(eventlet.spawn(client.sleep, seconds=1, mark="x"))
    started = time.monotonic()
    for one in begun[2:]:
        with pytest.raises(DeadlineExceeded):
            one.wait()
    assert time.monotonic() - started < 0.9
    assert outcomes(begun[:2]) == ["x"] * 2


def test_who_waits_for_a_shared_call_takes_a_place_among_the_calls_to_that_service(middle: Running) -> None:
    client = middle.inject("target", **ASKING).shared
    begun = [eventlet.spawn(client.sleep, seconds=0.35, mark="x") for _ in range(UNDER_WAY + 3)]
    for one in begun[UNDER_WAY:]:
        with pytest.raises(Unavailable) as refusal:
            one.wait()
        assert refusal.value.code == "overloaded"
    assert outcomes(begun[:UNDER_WAY]) == ["x"] * UNDER_WAY
    assert len(Target.executed) == 2


def test_a_call_that_is_not_to_be_shared_is_not(middle: Running) -> None:
    client = middle.inject("target", **ASKING)
    assert outcomes([eventlet.spawn(client.sleep, seconds=0, mark="x") for _ in range(5)]) == ["x"] * 5
    assert len(Target.executed) == 5


def test_an_error_is_told_to_each_as_the_class_that_was_raised(middle: Running) -> None:
    client = middle.inject("target", **ASKING).shared
    begun = [eventlet.spawn(client.fail, word="Conflict", code="taken") for _ in range(6)]
    for one in begun:
        with pytest.raises(Conflict) as refusal:
            one.wait()
        assert refusal.value.code == "taken"


def test_the_log_names_all_who_shared_a_call_that_failed(middle: Running) -> None:
    found, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(found)
    handler.setFormatter(suite_logging.formatter("json"))
    root.addHandler(handler)
    clients = [
        middle.inject("target", **ASKING, request_id=f"request-{number}").shared for number in range(5)
    ]
    begun = [eventlet.spawn(client.crash) for client in clients]
    try:
        for one in begun:
            with pytest.raises(InternalError):
                one.wait()
    finally:
        root.removeHandler(handler)
    lines = [json.loads(line) for line in found.getvalue().splitlines()]
    (told,) = [line for line in lines if line["event"] == "shared_call_failed_or_slow"]
    assert told["outcome"] == "InternalError"
    assert told["request_ids"] == "request-1 request-2 request-3 request-4"
