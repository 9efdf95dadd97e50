"""The broker users' rights, held against the names that the code gives to queues and exchanges."""

import re
import shlex
import uuid
from itertools import product

import pytest
from kombu import Exchange, Queue

from common import config as settings
from common import events, topology
from ops.rights import BACKUP, backup_rights, commands, rights

UUID = str(uuid.uuid4())
EVERYTHING = topology.everything(settings.load())
QUEUES = [one.name for one in EVERYTHING if isinstance(one, Queue)]
EXCHANGES = [one.name for one in EVERYTHING if isinstance(one, Exchange)] + ["nameko-rpc"]
OTHERS = [(one, other) for one, other in product(topology.SERVICES, repeat=2) if one != other]


def own_queues(service: str) -> set[str]:
    """What a service consumes, as far as it lies in the broker while the service is away."""
    handled = {topology.event_queue(event, service).name for event in events.SUBSCRIBERS.get(service, ())}
    letters = {topology.DEAD_LETTERS} if service == "messaging" else set()
    return {f"rpc-{service}", *handled, *letters}


def allowed(expression: str, names: list[str]) -> set[str]:
    """Those that RabbitMQ would let pass."""
    return {name for name in names if re.search(expression, name)}


@pytest.mark.parametrize("service", topology.SERVICES)
def test_a_service_makes_writes_and_reads_its_own_queues(service: str) -> None:
    may = rights(service)
    mine = [*own_queues(service), f"rpc.reply-{service}-{UUID}", f"revocations-{service}-{UUID}"]
    mine += [f"instances-gateway-{UUID}"] if service == "gateway" else []
    mine += [topology.delay_queue(1500).name] if service in events.SUBSCRIBERS else []
    for expression in (may.configure, may.write, may.read):
        assert allowed(expression, mine) == set(mine)


@pytest.mark.parametrize(("service", "other"), OTHERS)
def test_a_service_reads_and_deletes_no_queue_of_another(service: str, other: str) -> None:
    may = rights(service)
    theirs = own_queues(other) | {
        f"{kind}-{other}-{UUID}" for kind in ("rpc.reply", "revocations", "instances")
    }
    assert allowed(may.configure, list(theirs)) == set()
    # The exchange of the dead letters has the same name as their queue: everybody writes to it.
    assert allowed(may.write, list(theirs)) <= {topology.DEAD_LETTERS}
    assert allowed(may.read, list(theirs)) == set()


@pytest.mark.parametrize("service", topology.SERVICES)
def test_a_service_announces_its_own_events_alone(service: str) -> None:
    streams = [name for name in EXCHANGES if name.endswith(".events")]
    assert allowed(rights(service).write, streams) == {f"{service}.events"} & set(streams)


@pytest.mark.parametrize("service", topology.SERVICES)
def test_only_who_retries_reads_what_waits_for_another_attempt(service: str) -> None:
    waiting = {topology.DELAYS.name, topology.delay_queue(1500).name}
    assert allowed(rights(service).read, list(waiting)) == (
        waiting if service in events.SUBSCRIBERS else set()
    )


@pytest.mark.parametrize("service", topology.SERVICES)
def test_a_service_binds_to_the_events_that_it_hears_and_to_its_own_calls(service: str) -> None:
    may, heard = rights(service), {*events.SUBSCRIBERS.get(service, ()), events.SESSION_REVOKED}
    for event in events.ALL:
        exchange = f"{event.source}.events"
        reads = bool(allowed(may.read, [exchange])) and bool(re.search(may.keys[exchange][1], event.name))
        assert reads is (event in heard)
    bindings = [f"{name}.*" for name in topology.SERVICES] + ["#", "*.*", "users.login", UUID]
    bindings += [f"rpc.reply-{name}-{UUID}" for name in topology.SERVICES] + ["rpc.#", "rpc.*"]
    own = {f"{service}.*", UUID, f"rpc.reply-{service}-{UUID}"}
    assert allowed(may.keys["nameko-rpc"][1], bindings) == own


@pytest.mark.parametrize("service", topology.SERVICES)
def test_every_topic_exchange_that_a_service_reads_is_limited_by_keys(service: str) -> None:
    topics = [one.name for one in EVERYTHING if isinstance(one, Exchange) and one.type == "topic"]
    topics = [*topics, "nameko-rpc"]
    may = rights(service)
    assert allowed(may.read, topics) - set(may.keys) <= {topology.INSTANCES.name}


def test_who_makes_backups_reads_events_and_changes_nothing() -> None:
    may, own = backup_rights(), f"backup-{uuid.uuid4().hex[:12]}"
    streams = {one for one in EXCHANGES if one.endswith(".events")}
    assert allowed(may.configure, [own, *QUEUES, *EXCHANGES]) == {own}
    assert allowed(may.write, [own, *QUEUES, *EXCHANGES]) == {own}
    assert allowed(may.read, ["rpc-users", "nameko-rpc", "commands", "instances"]) == set()
    bound = {"users.events", "todos.events"}
    assert allowed(may.read, list(streams)) == bound == set(may.keys)
    assert allowed(may.keys["users.events"][1], ["user_deleted", "session_revoked", "#"]) == {"user_deleted"}
    assert topology.event_queue(events.USER_DELETED, "todos").name in allowed(may.read, QUEUES)
    assert topology.event_queue(events.NOTIFICATION_REQUESTED, "notifications").name not in allowed(
        may.read, QUEUES
    )


def test_the_commands_name_every_user_and_are_whole_words_for_a_shell() -> None:
    lines = [shlex.split(line) for line in commands("/suite")]
    assert {line[-1] for line in lines if line[1] == "add_user"} == {*topology.SERVICES, BACKUP}
    assert [line[2:] for line in lines if line[1] == "set_user_tags"] == [[BACKUP, "policymaker"]]
    for line in lines:
        if line[1] == "set_permissions":
            assert line[2:5] == ["-p", "/suite", line[4]]
            may = backup_rights() if line[4] == BACKUP else rights(line[4])
            assert tuple(line[5:]) == may[:3]
