"""Ended sessions reach every process: by event, by the list, through and after a broken network."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from nameko.containers import ServiceContainer

from common import revocation_feed, revocations, topology
from common.errors import Unauthenticated, Unavailable
from common.health import Unwell
from tests.integration.common.calls import Target
from tests.integration.conftest import Run
from tests.integration.link import Link
from tests.integration.running import Running, SessionList, Somebody, Wire, eventually, make_config

BOUND = 2.0


# The list is loaded by a call; all else comes by the broker, whatever the transport of calls.
on_both_transports = pytest.mark.parametrize("config", ["fast", "stock"], indirect=True)


@pytest.fixture
def config(vhost_uri: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    return make_config(AMQP_URI=vhost_uri, RPC_TRANSPORT=getattr(request, "param", "fast"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "BOUND_SECONDS", BOUND)
    monkeypatch.setattr(revocation_feed, "MARK_SECONDS", 0.2)
    monkeypatch.setattr(SessionList, "ended", [])
    monkeypatch.setattr(topology, "SERVICES", (*topology.SERVICES, "target"))


@pytest.fixture
def link(vhost_uri: str) -> Link:
    return Link(vhost_uri)


@pytest.fixture
def ada(config: dict[str, Any]) -> Iterator[Somebody]:
    somebody = Somebody(config)
    yield somebody
    somebody.stop()


@pytest.fixture
def users(config: dict[str, Any]) -> Iterator[Running]:
    running = Running(SessionList, config)
    yield running
    running.stop()


@pytest.fixture
def far(users: Running, run: Run, config: dict[str, Any], link: Link) -> Running:
    """A process behind the link, which has loaded the list from a user service that then went away."""
    running = run(Target, {**config, "AMQP_URI": link.uri}, loads_sessions=True)
    eventually(lambda: running.sessions.is_current)
    users.stop()
    return running


def end(wire: Wire, *session_ids: str) -> None:
    """Announce it as the user service does."""
    event = {"event_id": str(uuid.uuid4()), "occurred_at": "2026-11-22T12:00:00Z", "user_id": "u"}
    wire.send({**event, "session_ids": list(session_ids)}, "session_revoked", "users.events", delivery_mode=2)


def refuses(running: Running, session_id: str) -> bool:
    try:
        running.sessions.check(session_id)
    except Unauthenticated:
        return True
    except Unavailable:
        pass
    return False


def lets_in(running: Running, session_id: str = "of somebody else") -> bool:
    try:
        running.sessions.check(session_id)
    except (Unauthenticated, Unavailable):
        return False
    return True


@on_both_transports
def test_two_processes_refuse_an_ended_session_within_a_second(
    users: Running, run: Run, config: dict[str, Any], wire: Wire
) -> None:
    both = [run(Target, config, loads_sessions=True) for _ in range(2)]
    eventually(lambda: all(lets_in(one) for one in both))
    end(wire, "s-1", "s-2")
    eventually(lambda: all(refuses(one, "s-1") and refuses(one, "s-2") for one in both), 1)
    assert all(lets_in(one) for one in both)


@on_both_transports
def test_a_call_with_a_revoked_token_is_refused_by_the_service_itself(
    users: Running, run: Run, config: dict[str, Any], wire: Wire, ada: Somebody
) -> None:
    target = run(Target, config, loads_sessions=True)
    eventually(lambda: lets_in(target))
    assert ada.call.target.who() == ada.user_id
    end(wire, ada.session_id)
    eventually(lambda: refuses(target, ada.session_id), 1)
    with pytest.raises(Unauthenticated) as caught:
        ada.call.target.who()
    assert caught.value.code == "token_revoked"
    assert ada.call.target.echo(value=1) == 1  # public: the token is of no interest


@on_both_transports
def test_a_process_that_starts_later_loads_the_whole_list_part_by_part(
    users: Running, run: Run, config: dict[str, Any]
) -> None:
    SessionList.ended.extend(f"s-{number}" for number in range(5))
    late = run(Target, config, loads_sessions=True)
    eventually(lambda: late.sessions.is_complete)
    assert all(refuses(late, one) for one in SessionList.ended)
    assert lets_in(late)


def test_until_the_user_service_is_there_nobody_is_let_in_and_then_soon(
    run: Run, config: dict[str, Any], ada: Somebody
) -> None:
    target = run(Target, config, loads_sessions=True)
    with pytest.raises(Unavailable):
        ada.call.target.who()
    assert ada.call.target.echo(value=1) == 1
    [probe] = target.provider("caller").probes()
    with pytest.raises(Unwell):
        probe.ask()
    run(SessionList, config)
    eventually(lambda: lets_in(target), 4)
    assert ada.call.target.who() == ada.user_id
    probe.ask()


def test_a_call_that_comes_before_the_list_waits_for_it(
    run: Run, config: dict[str, Any], ada: Somebody
) -> None:
    SessionList.ended.append("s-1")
    run(Target, config, loads_sessions=True)
    asked = eventlet.spawn(ada.call.target.who)
    eventlet.sleep(0.2)
    run(SessionList, config)
    assert asked.wait() == ada.user_id


def test_a_process_that_has_loaded_goes_on_while_the_user_service_is_down(far: Running, wire: Wire) -> None:
    end(wire, "s-1")
    eventually(lambda: refuses(far, "s-1"), 1)
    eventlet.sleep(2 * BOUND)
    assert lets_in(far)
    end(wire, "s-2")
    eventually(lambda: refuses(far, "s-2"), 1)


def test_what_was_announced_during_a_short_disconnect_is_known_after_it(
    far: Running, wire: Wire, link: Link
) -> None:
    link.cut()
    end(wire, "s-1")
    assert lets_in(far)
    link.mend()
    eventually(lambda: refuses(far, "s-1"), 5)
    eventually(lambda: lets_in(far), 5)
    assert far.sessions.is_complete


def test_cut_off_for_longer_than_the_bound_nobody_is_let_in_and_after_it_all_is_known(
    far: Running, wire: Wire, link: Link
) -> None:
    started = time.monotonic()
    link.cut()
    end(wire, "s-1")
    eventually(lambda: not lets_in(far), BOUND + 0.5)
    assert time.monotonic() - started > BOUND - 0.5
    assert not refuses(far, "s-1")
    link.mend()
    eventually(lambda: lets_in(far), 10)
    assert refuses(far, "s-1")


def test_a_silent_broker_counts_as_cut_off_though_the_connection_stands(
    far: Running, wire: Wire, link: Link
) -> None:
    link.freeze()
    end(wire, "s-1")
    eventually(lambda: not lets_in(far), BOUND + 0.5)
    assert far.feed.queue_consumer.connected
    link.thaw()
    eventually(lambda: lets_in(far), 10)
    assert refuses(far, "s-1")


def test_who_has_lost_its_queue_loads_the_list_again(
    far: Running, run: Run, config: dict[str, Any], wire: Wire, link: Link
) -> None:
    link.cut()
    wire.channel.queue_delete(far.feed.queue.name)
    end(wire, "s-1")
    SessionList.ended.append("s-1")
    link.mend()
    eventually(lambda: far.feed.queue_consumer.connected, 5)
    eventually(lambda: not lets_in(far), BOUND + 0.5)
    assert not refuses(far, "s-1")
    run(SessionList, config)
    eventually(lambda: lets_in(far), 10)
    assert refuses(far, "s-1")


def test_a_queue_that_is_deleted_under_it_is_made_again_and_the_list_loaded(
    users: Running, run: Run, config: dict[str, Any], wire: Wire
) -> None:
    target = run(Target, config, loads_sessions=True)
    eventually(lambda: lets_in(target))
    SessionList.ended.append("s-1")
    wire.channel.queue_delete(target.feed.queue.name)
    eventually(lambda: refuses(target, "s-1"), 5)
    end(wire, "s-2")
    eventually(lambda: refuses(target, "s-2"), 5)
    assert target.is_alive


def test_an_event_that_can_not_be_read_has_the_list_loaded(
    users: Running, run: Run, config: dict[str, Any], wire: Wire
) -> None:
    target = run(Target, config, loads_sessions=True)
    eventually(lambda: lets_in(target))
    for number, body in enumerate([b"{", b"", {}, {"session_ids": "s-1"}, [], None, 5]):
        SessionList.ended.append(f"s-{number}")
        wire.send(body, "session_revoked", "users.events")
        eventually(lambda one=f"s-{number}": refuses(target, one), 5)
    assert lets_in(target)
    assert target.is_alive


def test_what_else_comes_into_the_queue_does_no_harm(
    users: Running, run: Run, config: dict[str, Any], wire: Wire
) -> None:
    target = run(Target, config, loads_sessions=True)
    eventually(lambda: lets_in(target))
    for body in [b"{", {}, {"result": None}, {"result": {"session_ids": None}}, "x", True, [1]]:
        for correlation in ("", "c"):
            wire.send(body, target.feed.queue.name, correlation_id=correlation)
    eventually(lambda: target.sessions.is_complete)
    assert lets_in(target)
    assert target.is_alive


def test_the_queue_of_a_process_goes_away_after_it(run: Run, config: dict[str, Any], wire: Wire) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revocation_feed, "QUEUE_LIFETIME_MS", 1000)
        container = ServiceContainer(Target, config)
        container.start()
    queue = container.shared_extensions[revocation_feed.RevocationFeed].queue.name
    assert wire.count(queue) >= 0
    container.stop()
    eventlet.sleep(2)
    with pytest.raises(wire.connection.channel_errors):
        wire.count(queue)
    wire.channel = wire.connection.channel()
