"""``python -m ops.rights``: a broker user for each service, which can touch its own queues and nothing else.

And one for who makes backups, which reads what waits in the queues of events and changes nothing. Prints the
commands for ``rabbitmqctl``. RabbitMQ has three regular expressions for a user: what it may make or delete,
write to and read from. To bind a queue takes to write to the queue and to read from the exchange, so two more
for an exchange say with which routing keys a user may publish and bind: otherwise each service could have a
copy of every call, passwords included.
"""

import re
import shlex
import sys
from typing import NamedTuple

from nameko.rpc import RPC_QUEUE_TEMPLATE, RPC_REPLY_QUEUE_TEMPLATE, get_rpc_exchange

from common import events, topology
from ops.backup import under_way

BACKUP = "backup"
_UUID = "[0-9a-f-]{36}"
_NOTHING = "^$"
_CALLS = get_rpc_exchange({}).name
_DEFAULT_EXCHANGE = "amq.default"
"""Replies and retries go through it, straight to a queue by its name: to write is no right to read."""


class Rights(NamedTuple):
    """What one user may: expressions for names, and for the routing keys of an exchange (write, read)."""

    configure: str
    write: str
    read: str
    keys: dict[str, tuple[str, str]]


def rights(service: str) -> Rights:
    """Those of a service, from the names that the code gives."""
    heard = events.SUBSCRIBERS.get(service, ())
    queues, sources = _queues(service), _sources(service)
    bound = [re.escape(name) for name in (_CALLS, *sources, *_bound(service, bool(heard)))]
    announced = [f"{service}.events"] if any(event.source == service for event in events.ALL) else []
    shared = [topology.INSTANCES.name, topology.COMMANDS.name, topology.DEAD_LETTERS]
    written = [_CALLS, _DEFAULT_EXCHANGE, *shared, *announced]
    written += [topology.DELAYS.name] if heard else []
    made = [one for one in bound if one != re.escape(topology.DEAD_LETTERS)]
    called = rf"^({service}\.\*|{_UUID}|{_replies(service)})$"
    return Rights(
        _any(queues + made + [re.escape(name) for name in announced]),
        _any(queues + [re.escape(name) for name in written]),
        _any(queues + bound),
        {_CALLS: (r"^.+$", called), **_keys(service, sources, announced)},
    )


def backup_rights() -> Rights:
    """Those of ops/backup: a queue of its own with copies, and a look at what waits."""
    heard = under_way.heard()
    own = under_way.OWN + "[0-9a-f]{12}"
    bound = [
        topology.DELAYS.name,
        topology.DEAD_LETTERS,
        *sorted({f"{one.source}.events" for one, _ in heard}),
    ]
    queues = [re.escape(name) for name in sorted({name for _, name in heard})]
    keys = {}
    for exchange in bound[2:]:
        names = sorted({event.name for event, _ in heard if f"{event.source}.events" == exchange})
        keys[exchange] = (_NOTHING, _any(names))
    read = [own, *(re.escape(name) for name in bound), *queues, "delay-[0-9]+ms"]
    return Rights(_any([own]), _any([own, re.escape(_DEFAULT_EXCHANGE)]), _any(read), keys)


def _queues(service: str) -> list[str]:
    """Expressions for the queues that are a service's own, or its part of those that wait in the broker."""
    own = [
        re.escape(RPC_QUEUE_TEMPLATE.format(service)),
        _replies(service),
        f"revocations-{service}-{_UUID}",
        f"log-level-{service}-{_UUID}",
    ]
    own += [
        re.escape(topology.event_queue(event, service).name) for event in events.SUBSCRIBERS.get(service, ())
    ]
    if service in events.SUBSCRIBERS:
        own.append("delay-[0-9]+ms")
    if service == "gateway":
        own.append(f"instances-{service}-{_UUID}")
    if service == "messaging":
        own.append(re.escape(topology.DEAD_LETTERS))
    return own


def _replies(service: str) -> str:
    """An expression for the queues of answers to its processes, which are bound by their names."""
    return f"{re.escape(RPC_REPLY_QUEUE_TEMPLATE.format(service, ''))}{_UUID}"


def _sources(service: str) -> list[str]:
    """The exchanges of the events that it hears; everybody hears of ended sessions."""
    heard = (*events.SUBSCRIBERS.get(service, ()), events.SESSION_REVOKED)
    return [f"{name}.events" for name in sorted({event.source for event in heard})]


def _bound(service: str, hears: bool) -> list[str]:
    """The other exchanges that its queues are bound to."""
    own = {"gateway": [topology.INSTANCES.name], "messaging": [topology.DEAD_LETTERS]}
    return [topology.COMMANDS.name, *own.get(service, []), *([topology.DELAYS.name] if hears else [])]


def _keys(service: str, sources: list[str], announced: list[str]) -> dict[str, tuple[str, str]]:
    heard = {(event.source, event.name) for event in events.SUBSCRIBERS.get(service, ())}
    heard.add((events.SESSION_REVOKED.source, events.SESSION_REVOKED.name))
    level = f"^log-level\\.{service}$"
    found = {topology.COMMANDS.name: (level, level)}
    for exchange in sorted({*sources, *announced}):
        names = sorted(name for source, name in heard if f"{source}.events" == exchange)
        write = "^[a-z_]+$" if exchange in announced else _NOTHING
        found[exchange] = (write, _any(names) if names else _NOTHING)
    return found


def _any(expressions: list[str]) -> str:
    return f"^({'|'.join(expressions)})$"


def commands(vhost: str) -> list[str]:
    """The lines for a shell; ``add_user`` asks for a password, or reads it from its input."""
    users = {service: rights(service) for service in topology.SERVICES} | {BACKUP: backup_rights()}
    lines = [line for user, may in users.items() for line in _user(vhost, user, may)]
    return [*lines, f"rabbitmqctl set_user_tags {BACKUP} policymaker"]


def _user(vhost: str, user: str, may: Rights) -> list[str]:
    return [
        f"rabbitmqctl add_user {user}",
        _line("set_permissions", vhost, user, may.configure, may.write, may.read),
        *(_line("set_topic_permissions", vhost, user, name, *two) for name, two in may.keys.items()),
    ]


def _line(command: str, vhost: str, *words: str) -> str:
    return shlex.join(["rabbitmqctl", command, "-p", vhost, *words])


if __name__ == "__main__":
    print("\n".join(commands(sys.argv[1] if len(sys.argv) > 1 else "/")))
