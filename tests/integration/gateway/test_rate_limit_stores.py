"""Counts that several gateways share, and what happens when the store is down or silent."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import eventlet
import pytest

from common import metrics
from gateway.rate_limit_store import PATIENCE_SECONDS, PAUSE_SECONDS, Counters, MemoryCounters, SharedCounters
from ops.engines import MongoDB
from ops.engines.ports import free_port
from ops.engines.process import Engine
from tests.integration.gateway.stores import Valkey

AT_MOST_SECONDS = 4 * PATIENCE_SECONDS
"""For one count on a busy machine; the drivers' own patience is ten times as long."""


def running(engine: Engine) -> Iterator[Engine]:
    engine.start()
    try:
        engine.wait_ready()
        yield engine
    finally:
        if engine.pid:
            os.kill(engine.pid, signal.SIGCONT)
        engine.kill()


@pytest.fixture(scope="module")
def own_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A server that these tests may freeze and stop."""
    yield from running(MongoDB(tmp_path_factory.mktemp("mongodb"), free_port(), fast=True))


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Another one."""
    yield from running(Valkey(tmp_path_factory.mktemp("valkey"), free_port()))


@pytest.fixture(params=["mongodb", "valkey"])
def server(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(f"own_{request.param}")
    return found


@pytest.fixture
def key() -> str:
    return f"user/{uuid.uuid4()}"


@pytest.fixture
def one(server: Engine) -> SharedCounters:
    counters = SharedCounters(server.uri)
    counters.connect()
    return counters


@pytest.fixture
def other(server: Engine) -> SharedCounters:
    counters = SharedCounters(server.uri)
    counters.connect()
    return counters


def unchecked() -> float:
    return float(metrics.RATE_LIMIT_UNCHECKED._value.get())


def count(counters: Counters, key: str, seconds: int = 60) -> int | None:
    usage = counters.add(key, seconds)
    return usage.count if usage else None


def test_gateways_share_counts_and_the_end_of_the_window(
    one: SharedCounters, other: SharedCounters, key: str
) -> None:
    assert [count(one, key), count(other, key), count(one, key)] == [1, 2, 3]
    eventlet.sleep(1)
    first, second = one.add(key, 60), other.add(key, 60)

    assert first and second
    assert (first.count, second.count) == (4, 5)
    assert first.seconds_left == pytest.approx(59, abs=1)
    assert second.seconds_left == pytest.approx(first.seconds_left, abs=1.1)


def test_what_is_taken_back_does_not_count(one: SharedCounters, other: SharedCounters, key: str) -> None:
    count(one, key)
    count(other, key)
    one.take_back(key, 60)

    assert count(other, key) == 2


def test_a_window_ends_and_the_next_begins(one: SharedCounters, other: SharedCounters, key: str) -> None:
    _end_of_a_window(one, other, key)


def test_a_window_in_memory_ends_alike(key: str) -> None:
    counters = MemoryCounters()
    _end_of_a_window(counters, counters, key)


def _end_of_a_window(one: Counters, other: Counters, key: str) -> None:
    assert [count(one, key, 2), count(other, key, 2)] == [1, 2]
    eventlet.sleep(1.2)
    assert count(one, key, 2) == 3
    eventlet.sleep(1.2)
    assert count(other, key, 2) == 1
    usage = one.add(key, 2)
    assert usage
    assert usage.count == 2
    assert 0.5 < usage.seconds_left <= 2


def test_counts_at_the_same_moment_are_all_counted(
    one: SharedCounters, other: SharedCounters, key: str
) -> None:
    pool = eventlet.GreenPool(20)
    found = sorted(pool.imap(lambda number: count((one, other)[number % 2], key) or 0, range(100)))

    assert found == list(range(1, 101))


def test_a_silent_store_costs_half_a_second_once(server: Engine, one: SharedCounters, key: str) -> None:
    before, started = unchecked(), time.monotonic()
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert count(one, key) is None
        assert time.monotonic() - started < AT_MOST_SECONDS
        for _ in range(100):
            assert count(one, key) is None
        assert time.monotonic() - started < 2 * AT_MOST_SECONDS  # not a hundred times
        assert unchecked() - before == 101
    finally:
        os.kill(server.pid, signal.SIGCONT)
    _counts_again(one, key)


def test_a_store_that_is_down_lets_pass_until_it_is_back(
    server: Engine, one: SharedCounters, key: str
) -> None:
    server.kill()
    try:
        late = SharedCounters(server.uri)
        started = time.monotonic()
        assert (count(one, key), count(late, key)) == (None, None)
        assert time.monotonic() - started < 2 * AT_MOST_SECONDS
        eventlet.sleep(PAUSE_SECONDS + 0.1)
        assert count(late, key) is None
    finally:
        server.start()
        server.wait_ready()
    _counts_again(one, key)
    _counts_again(late, key)


def _counts_again(counters: SharedCounters, key: str) -> None:
    end = time.monotonic() + 15
    while count(counters, key) is None:
        assert time.monotonic() < end, "it does not count again"
        eventlet.sleep(0.2)


def test_mongodb_deletes_old_counts_even_if_it_was_down_at_first(tmp_path: Path, key: str) -> None:
    for server in running(MongoDB(tmp_path, free_port(), fast=True)):
        server.kill()
        counters = SharedCounters(server.uri)
        assert count(counters, key) is None
        server.start()
        server.wait_ready()
        _counts_again(counters, key)
        storage = counters._connected()
        indexes = storage.counters.index_information()

        assert indexes["expireAt_1"]["expireAfterSeconds"] == 0
