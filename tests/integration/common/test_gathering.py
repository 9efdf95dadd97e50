"""Events handled together: each once in the end, and what is wrong with one is no other's concern."""

import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Any

import eventlet
import pytest
from eventlet.event import Event as Signal

from common import events, gathering, topology
from common.delivery import CurrentAttempt, handles
from common.failures import PermanentFailure
from common.gathering import AT_ONCE, PREFETCH
from tests.integration.conftest import Run
from tests.integration.running import RETRY, Running, Wire, eventually, make_config

EVENT = events.USER_DELETED
QUEUE = topology.event_queue(EVENT, "gatherer").name


class Gatherer:
    """Notes which events came together and which alone; a user called ``bad…`` is its poison."""

    name = "gatherer"
    attempt = CurrentAttempt()
    together: list[list[str]] = []
    alone: list[tuple[str, int]] = []
    go_on: Signal = Signal()

    @handles(EVENT, together="many")
    def handle_user_deleted(self, event: dict[str, Any]) -> None:
        self.alone.append((event["user_id"], self.attempt.number))
        if event["user_id"].startswith("bad"):
            raise PermanentFailure("poison", "it can't be handled")
        if event["user_id"].startswith("late") and self.attempt.number == 1:
            raise ValueError("not yet")

    def many(self, kind: events.Event, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Fails as a whole over a bad one, and leaves those called ``left…``."""
        assert kind == EVENT
        self.together.append([event["user_id"] for event in told])
        self.go_on.wait()
        if any(event["user_id"].startswith(("bad", "late")) for event in told):
            raise ValueError("one of them is bad")
        return [event for event in told if event["user_id"].startswith("left")]


@pytest.fixture(scope="module")
def gatherer(vhost_uri: str, module_run: Run) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.SUBSCRIBERS, "gatherer", (EVENT,))
        yield module_run(Gatherer, make_config(AMQP_URI=vhost_uri))


@pytest.fixture(autouse=True)
def nothing_is_left(gatherer: Running, wire: Wire) -> Iterator[None]:
    wire.purge(topology.DEAD_LETTERS)
    Gatherer.together.clear()
    Gatherer.alone.clear()
    Gatherer.go_on = Signal()
    yield
    if not Gatherer.go_on.ready():
        Gatherer.go_on.send()
    assert gatherer.is_alive
    eventually(lambda: wire.count(QUEUE) == 0)


def send(wire: Wire, *names: str, body: Any = None) -> list[str]:
    """A first event, which occupies the batch, and the others, which gather behind it."""
    users = [f"{name}-{uuid.uuid4()}" for name in names]
    for user_id in users:
        wire.send(EVENT.make("r", user_id=user_id), EVENT.name, f"{EVENT.source}.events")
        eventually(lambda: Gatherer.together)
    if body is not None:
        wire.send(body, EVENT.name, f"{EVENT.source}.events")
    return users


def gathered(gatherer: Running, count: int) -> None:
    """Wait until so many messages are gathered behind the batch that is held up."""
    [entrypoint] = gatherer.container.entrypoints
    eventually(lambda: len(entrypoint._gathering._waiting) == count)


def test_what_comes_meanwhile_is_handled_together_and_in_its_order(gatherer: Running, wire: Wire) -> None:
    users = send(wire, *["good"] * 31)
    gathered(gatherer, 30)
    Gatherer.go_on.send()
    eventually(lambda: sum(map(len, Gatherer.together)) == 31)
    assert Gatherer.together == [users[:1], users[1:]]
    assert Gatherer.alone == []


def test_a_batch_is_bounded_and_so_is_what_is_taken_from_the_broker(gatherer: Running, wire: Wire) -> None:
    send(wire, *["good"] * (PREFETCH + 50))
    gathered(gatherer, PREFETCH - 1)
    eventlet.sleep(0.3)
    assert wire.count(QUEUE) == 50
    Gatherer.go_on.send()
    eventually(lambda: sum(map(len, Gatherer.together)) == PREFETCH + 50)
    assert max(map(len, Gatherer.together)) == AT_ONCE


def test_in_a_backlog_a_full_batch_does_not_wait_for_the_end_of_the_pause(
    gatherer: Running, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_PAUSE_SECONDS", 60)
    Gatherer.go_on.send()
    send(wire, "good")
    first = send(wire, *["good"] * AT_ONCE)
    eventually(lambda: Gatherer.together[1:] == [first])
    monkeypatch.undo()
    second = send(wire, *["good"] * AT_ONCE)
    eventually(lambda: Gatherer.together[2:] == [second])


def test_one_that_fails_costs_the_others_of_its_batch_no_attempt(gatherer: Running, wire: Wire) -> None:
    _, *users, bad, late = send(wire, "good", *["good"] * 10, "bad", "late")
    gathered(gatherer, 12)
    Gatherer.go_on.send()
    eventually(lambda: (late, 2) in Gatherer.alone or len(Gatherer.together) > 2)
    letter = wire.take(topology.DEAD_LETTERS)
    assert letter.headers["dead-letter-reason"] == "poison"
    assert letter.headers["suite-attempts"] == 1
    assert bad in (letter.body if isinstance(letter.body, str) else letter.body.decode())
    eventually(lambda: len([one for one in Gatherer.alone if one[0] == late]) == 2)
    assert sorted(one for one in Gatherer.alone if one[0] in users) == sorted((one, 1) for one in users)
    assert [number for user, number in Gatherer.alone if user == late] == [1, 2]
    assert RETRY["max_attempts"] == 3
    assert wire.count(topology.DEAD_LETTERS) == 0


@pytest.mark.parametrize("poison", [b"{no json", b"null", b"\xff", {"__type__": "uuid", "__value__": 5}])
def test_what_is_no_event_is_set_aside_and_the_batch_goes_on(
    gatherer: Running, wire: Wire, poison: Any
) -> None:
    users = send(wire, "good", "good", "good", body=poison) + send(wire, "good")
    gathered(gatherer, 4)
    Gatherer.go_on.send()
    assert wire.take(topology.DEAD_LETTERS).headers["original-queue"] == QUEUE
    eventually(lambda: Gatherer.together == [users[:1], users[1:]])
    assert Gatherer.alone == []


def test_what_a_batch_leaves_is_handled_alone(gatherer: Running, wire: Wire) -> None:
    _, one, left = send(wire, "good", "good", "left")
    gathered(gatherer, 2)
    Gatherer.go_on.send()
    eventually(lambda: Gatherer.alone == [(left, 1)])
    assert Gatherer.together[1] == [one, left]


class Stopper(Gatherer):
    """Another listener, with a queue of its own."""

    name = "stopper"
    together: list[list[str]] = []
    go_on = Signal()


def test_a_stop_gives_back_what_is_gathered_and_not_begun(
    vhost_uri: str, run: Run, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(events.SUBSCRIBERS, "stopper", (EVENT,))
    config = make_config(AMQP_URI=vhost_uri)
    Gatherer.go_on.send()
    stopper, queue = run(Stopper, config), topology.event_queue(EVENT, "stopper").name
    first, *others = [EVENT.make("r", user_id=str(uuid.uuid4())) for _ in range(4)]
    wire.send(first, queue)
    eventually(lambda: Stopper.together == [[first["user_id"]]])
    for one in others:
        wire.send(one, queue)
    gathered(stopper, 3)
    stopping = eventlet.spawn(stopper.stop)
    eventually(lambda: not next(iter(stopper.container.entrypoints))._gathering._waiting)
    Stopper.go_on.send()
    stopping.wait()
    eventually(lambda: wire.count(queue) == 3)
    run(Stopper, config)
    eventually(lambda: wire.count(queue) == 0)
    told = eventually(lambda: len(found := list(chain(*Stopper.together))) == 4 and found)
    assert told == [one["user_id"] for one in (first, *others)]
