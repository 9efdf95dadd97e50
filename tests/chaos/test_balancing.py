"""Several instances share the work, and one that ends costs nothing, or if killed what it was doing at most.

The short form has two gateways and two instances of the todo service, the long one (``CHAOS=long``) two of
every service.
"""

import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import eventlet
import pytest
import requests

from tests.chaos.test_exactly_once import World
from tests.chaos.turns import Turns
from tests.e2e.client import Client
from tests.suite import SERVICES

LONG = os.environ.get("CHAOS") == "long"
CLIENTS = 16
TWINS = [f"{service}.2" for service in (SERVICES if LONG else ("todos", "gateway"))]
IN_TURN = [name for twin in TWINS for name in (twin.partition(".")[0], twin)] if LONG else TWINS
VISITORS, PAUSE, SECONDS = (12, 0.3, 1.5) if LONG else (6, 0.1, 0.3)
"""Who calls meanwhile, how long each rests between two errands, and how long a state is looked at."""


@dataclass
class Load:
    """Clients that call again and again, each on a new connection, and what became of it."""

    call: Callable[[int], requests.Response]
    outcomes: list[str] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)

    def run(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> Counter[str]:
        """Begin, let something happen in the middle, go on, and count the answers."""
        self._end = time.monotonic() + seconds
        clients = [eventlet.spawn(self._client, number) for number in range(CLIENTS)]
        eventlet.sleep(seconds / 2)
        moment = time.monotonic()
        meanwhile()
        for client in clients:
            client.wait()
        counted = Counter(self.outcomes)
        usual, affected = self.usual, self._slowest_of(moment)
        print(f"{dict(counted)}; usually {usual * 1000:.0f} ms, in flight then: {affected * 1000:.0f} ms")
        return counted

    @property
    def slowest(self) -> float:
        """How long the slowest answer took."""
        return max(end - began for began, end in self.times)

    @property
    def usual(self) -> float:
        """How long an answer took at the median."""
        return statistics.median(end - began for began, end in self.times)

    def _slowest_of(self, moment: float) -> float:
        return max((end - began for began, end in self.times if began <= moment <= end), default=0.0)

    def _client(self, client: int) -> None:
        turn = 0
        while time.monotonic() < self._end:
            began = time.monotonic()
            self.outcomes.append(self._outcome(client * 100_000 + turn))
            self.times.append((began, time.monotonic()))
            turn += 1

    def _outcome(self, number: int) -> str:
        try:
            answer = self.call(number)
        except requests.ConnectionError:
            return "connection lost"
        return f"{answer.status_code} {answer.json()['code']}" if answer.status_code >= 400 else "ok"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, make_world: Callable[..., World]) -> Iterator[World]:
    """Two gateways on one port, and two instances of others."""
    made = make_world(tmp_path_factory.mktemp("balancing"))
    try:
        made.suite.start(*TWINS)
        _wait_for_twins(made)
        yield made
    finally:
        made.end()


@pytest.fixture
def ada(world: World) -> Client:
    """A user; both twins run again, if a test before has killed one."""
    dead = [name for name, process in world.suite.processes.items() if process.poll() is not None]
    if dead:
        world.suite.start(*dead)
        _wait_for_twins(world)
    return Client(world.suite.url).register("Ada").login()


def _wait_for_twins(world: World) -> None:
    """Until each new connection, to whichever gateway, meets one that knows all processes."""
    end, in_a_row = time.monotonic() + 30, 0
    wanted = {process.pid for process in world.suite.processes.values()}
    while in_a_row < 10:
        assert time.monotonic() < end, f"not twice there\n{world.suite.logs(20)}"
        known = {one["pid"] for one in world.admin.get("/api/services").json()}
        in_a_row = in_a_row + 1 if known >= wanted else 0
        time.sleep(0.05)


def _handled(world: World, name: str, event: str) -> int:
    return world.suite.log_file(name).read_text().count(f'"event":"{event}"')


def test_both_instances_of_each_do_a_fair_part_of_the_work(world: World, ada: Client) -> None:
    lines = {
        **dict.fromkeys(("gateway", "gateway.2"), "http_handled"),
        **dict.fromkeys(("todos", "todos.2"), "rpc_handled"),
    }
    before = {name: _handled(world, name, event) for name, event in lines.items()}
    counted = Load(lambda _: ada.get("/api/todos")).run(4)
    done = {name: _handled(world, name, event) - before[name] for name, event in lines.items()}
    print(done)
    assert set(counted) == {"ok"}
    for service, least in (("gateway", 0.3), ("todos", 0.4)):
        mine, twins = done[service], done[f"{service}.2"]
        assert min(mine, twins) / (mine + twins) > least


def test_not_one_read_fails_when_an_instance_is_killed(world: World, ada: Client) -> None:
    todo = ada.todo()
    for victim in ("todos.2", "todos") if LONG else ("todos.2",):
        load = Load(lambda _: ada.get(f"/api/todos/{todo['id']}"))
        assert set(load.run(3, lambda victim=victim: world.suite.signal(victim))) == {"ok"}
        assert load.slowest < max(2, 5 * load.usual)
        world.suite.start(victim)
        _wait_for_twins(world)


def test_a_killed_instance_costs_the_changes_in_flight_at_most_and_doubles_none(
    world: World, ada: Client
) -> None:
    made: list[str] = []

    def make(number: int) -> requests.Response:
        answer = ada.post("/api/todos", {"title": f"todo {number}"})
        if answer.status_code == 201:
            made.append(f"todo {number}")
        return answer

    counted = Load(make).run(4, lambda: world.suite.signal("todos.2"))
    assert set(counted) <= {"ok", "503 interrupted"}
    assert counted["503 interrupted"] <= CLIENTS
    there = Counter(_titles(ada))
    assert set(there.values()) == {1}
    assert set(made) <= set(there)
    assert len(there) - len(made) <= counted["503 interrupted"]


def test_a_killed_gateway_costs_the_requests_on_its_connections_at_most(world: World, ada: Client) -> None:
    for victim in ("gateway.2", "gateway") if LONG else ("gateway.2",):
        load = Load(lambda _: ada.get("/api/todos"))
        counted = load.run(3, lambda victim=victim: world.suite.signal(victim))
        assert set(counted) <= {"ok", "connection lost"}
        assert counted["connection lost"] <= CLIENTS
        assert load.slowest < 2
        world.suite.start(victim)
        _wait_for_twins(world)


def test_nobody_notices_that_instances_join_and_one_of_a_service_leaves(world: World, ada: Client) -> None:
    third = ("gateway.3", "todos.3")
    assert set(Load(lambda _: ada.get("/api/todos")).run(8, lambda: world.suite.start(*third))) == {"ok"}
    _wait_for_twins(world)
    load = Load(lambda number: ada.post("/api/todos", {"title": f"more {number}"}))
    assert set(load.run(4, lambda: world.suite.signal("todos.3", signal.SIGTERM))) == {"ok"}
    assert world.suite.processes["todos.3"].wait(20) == 0
    assert _handled(world, "gateway.3", "http_handled") and _handled(world, "todos.3", "rpc_handled")
    for name in third:
        process = world.suite.processes.pop(name)
        process.terminate()
        process.wait(20)


def test_no_request_that_may_be_repeated_fails_while_instances_are_killed(world: World, ada: Client) -> None:
    tally = Turns(world, VISITORS, PAUSE, SECONDS).killed(IN_TURN)
    assert not tally.failures
    gateways = sum(name.startswith("gateway") for name in IN_TURN)
    assert tally.lost_with_gateway <= VISITORS * gateways


def test_no_request_fails_while_instances_are_restarted_one_after_the_other(
    world: World, ada: Client
) -> None:
    tally = Turns(world, VISITORS, PAUSE, SECONDS).restarted(IN_TURN)
    assert not tally.failures
    if LONG:  # both gateways were restarted, and some of the visitors keep connections
        assert tally.closed_in_order


def _titles(owner: Client) -> Iterator[str]:
    path = "/api/todos?limit=100"
    while path:
        answer = owner.get(path)
        yield from (todo["title"] for todo in answer.json())
        path = answer.links.get("next", {}).get("url", "").partition(owner.base_url)[2]
