"""Calls that one caller makes again while they are under way: which of them are one call, and which never."""

from typing import Any

import eventlet
import pytest

from common import context, metrics
from common.errors import Conflict
from tests.integration.common.calls import Target
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
