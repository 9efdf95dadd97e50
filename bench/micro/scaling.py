"""CPU for each request as instances are added, and a model of what more of them would carry.

On a machine whose cores are all busy with one instance of each, more of them can't answer more; what shows
is whether each request costs more.
"""

import re
import resource
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from bench import cpu
from bench.instances import CALLS_OF_TODOS, instances
from bench.load import Load, Request
from bench.model import Costs, Plant, capacities, limit
from bench.people import settle_in
from bench.setting import Setting
from bench.tables import Table

SHAPES = ((1, 1), (2, 1), (1, 2), (2, 2))
PLANTS = (Plant(1, 1, 2, 2), Plant(2, 2, 2, 2), Plant(10, 20, 12, 12))
"""The last: a cluster of three nodes and a replica set's primary; the first two, to compare it with."""
CLIENTS, WARM_UP_SECONDS, MOST_ROUNDS = 32, 2, 3
PARTS = ("gateway", "todos", "others", "RabbitMQ", "MongoDB", "load")
_REDUCTIONS = (
    f'{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"suite">>, queue, <<"{CALLS_OF_TODOS}">>)), '
    "{reductions, R} = erlang:process_info(amqqueue:get_pid(Q), reductions), "
    "[R, element(1, erlang:statistics(exact_reductions))]."
)


def measure(setting: Setting, rounds: int, seconds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """For each shape the medians of requests per second and CPU ms of each part."""
    request = settle_in(setting.suite.url, logins=0, readers=CLIENTS).lists(CLIENTS)
    found: dict[str, Any] = {}
    for gateways, todos in SHAPES:
        with instances(setting.suite, setting.engines, gateways, todos):
            key = f"{gateways} x {todos}"
            found[key] = _shape(setting, request, min(rounds, MOST_ROUNDS), seconds)
            tell(f"scaling  {key}  {found[key]['per_second']:.0f}/s")
    return found


def _shape(setting: Setting, request: Request, rounds: int, seconds: int) -> dict[str, float]:
    Load(request, CLIENTS, WARM_UP_SECONDS).finish()
    cpu.wait_quiet(setting.pids)
    before = reductions(setting.engines.rabbitmq.ctl("eval", _REDUCTIONS))
    samples = [_sample(setting, request, seconds) for _ in range(rounds)]
    after = reductions(setting.engines.rabbitmq.ctl("eval", _REDUCTIONS))
    found = {name: statistics.median(one[name] for one in samples) for name in samples[0]}
    return found | {"queue_share": (after[0] - before[0]) / (after[1] - before[1])}


def reductions(printed: str) -> tuple[int, int]:
    """Erlang's measure of work done: that of the queue's process, and that of the whole node."""
    queue, node = re.findall(r"\d+", printed)
    return int(queue), int(node)


def _sample(setting: Setting, request: Request, seconds: int) -> dict[str, float]:
    before = _cpu(setting)
    answers = Load(request, CLIENTS, seconds).finish()
    after = _cpu(setting)
    each = {part: (after[part] - before[part]) * 1000 / answers.requests for part in PARTS}
    return {"per_second": answers.per_second, "p50_ms": answers.p50_ms, **each}


def _cpu(setting: Setting) -> dict[str, float]:
    pids: dict[str, list[int]] = {"gateway": [], "todos": [], "others": []}
    for name, process in setting.suite.processes.items():
        service = name.partition(".")[0]
        pids[service if service in pids else "others"].append(process.pid)
    found = {part: cpu.seconds(family) for part, family in pids.items()}
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    database = setting.engines.mongodb.pid
    return found | {
        "RabbitMQ": cpu.seconds([setting.broker_pid]), "MongoDB": cpu.seconds([database] if database else []),
        "load": ended.ru_utime + ended.ru_stime,
    }  # fmt: skip


def costs(shapes: Iterable[dict[str, float]]) -> Costs:
    """What a request costs each component: the medians of all shapes."""
    rows = [{**one, "queue": one["RabbitMQ"] * one["queue_share"]} for one in shapes]
    parts = ("gateway", "todos", "RabbitMQ", "MongoDB", "queue")
    return Costs(*(statistics.median(row[part] for row in rows) for part in parts))


def tables(found: dict[str, Any]) -> list[Table]:
    """The measured shapes, and what the model makes of them."""
    head = ("gateways x todos", "lists/s", "p50 ms", *PARTS, "all but the load", "queue's share of RabbitMQ")
    rows = [
        (
            key, f"{one['per_second']:.0f}", f"{one['p50_ms']:.1f}", *(f"{one[part]:.2f}" for part in PARTS),
            f"{sum(one[part] for part in PARTS[:-1]):.2f}", f"{one['queue_share']:.0%}",
        )
        for key, one in found.items()
    ]  # fmt: skip
    return [(head, rows), modelled(costs(found.values()))]


def modelled(cost: Costs) -> Table:
    """The capacities of some plants as columns."""
    each = [capacities(cost, plant) for plant in PLANTS]
    head = tuple(f"{one.gateways} x {one.todos}" for one in PLANTS)
    rows = [(name, *(f"{one[name]:,.0f}/s" for one in each)) for name in each[0]]
    servers = (
        "cores of RabbitMQ, of MongoDB",
        *(f"{one.broker_cores}, {one.mongodb_cores}" for one in PLANTS),
    )
    least = ("**carries at most**", *(f"**{rate:,.0f}/s** ({name})" for name, rate in map(limit, each)))
    cores = ("cores in all", *(str(one.cores) for one in PLANTS))
    return ("gateways x todos", *head), [servers, *rows, least, cores]
