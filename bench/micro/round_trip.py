"""The round trip of one call: a caller and an echo on each side's own transport, in alternating rounds."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from nameko.exceptions import RemoteError, UnknownService
from nameko.standalone.rpc import ClusterRpcProxy

from bench import cpu
from bench.people import TODO
from bench.rounds import Sample, Samples, line
from bench.setting import Setting
from bench.sides import READY_SECONDS, ROOT, STOCK_CONFIG, Side, nameko

MODULES = {"suite": "bench.micro.echo", "stock": "bench.stock.echo"}
CONFIGS = {"suite": ROOT / "config.yml", "stock": STOCK_CONFIG}
CLIENTS = (1, 32)
TITLES = {"rpc1": "RPC round trip, 1 caller", "rpc32": "RPC round trip, 32 callers"}
ANSWER_SECONDS = 60


def measure(setting: Setting, rounds: int, seconds: int, tell: Callable[[str], None]) -> Samples:
    """Each number of callers on both sides, in each round in the other order."""
    samples: Samples = {key_of(clients): {"suite": [], "stock": []} for clients in CLIENTS}
    with ExitStack() as stack:
        pairs = [stack.enter_context(echoing(side)) for side in (setting.suite, setting.stock)]
        for number in range(rounds):
            for clients in CLIENTS:
                for pair in pairs if number % 2 == 0 else reversed(pairs):
                    sample = _measured(setting, pair, clients, seconds)
                    samples[key_of(clients)][pair.name].append(sample)
                    tell(line(number + 1, rounds, key_of(clients), pair.name, sample))
    return samples


def key_of(clients: int) -> str:
    """The row's name."""
    return f"rpc{clients}"


@contextmanager
def echoing(side: Side) -> Iterator[Side]:
    """The two processes of a round trip, beside those of the side."""
    run = nameko(CONFIGS[side.name])
    commands = {name: [*run, f"{MODULES[side.name]}:{name}"] for name in ("Echo", "Caller")}
    pair = Side(side.name, side.directory, 0, commands, side.environment | {"PORT": "0"})
    try:
        for name in commands:
            pair.start_one(name)
        _wait_ready(pair)
        yield pair
    finally:
        pair.stop()


def _wait_ready(pair: Side) -> None:
    """Until both answer; this call also warms them up."""
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            _call(pair, 1, 1)
            return
        except (UnknownService, RemoteError):
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


def _measured(setting: Setting, pair: Side, clients: int, seconds: int) -> Sample:
    own, broker = cpu.seconds(pair.pids), cpu.seconds([setting.broker_pid])
    found = _call(pair, clients, seconds)
    thousands = found["per_second"] * seconds / 1000
    own, broker = cpu.seconds(pair.pids) - own, cpu.seconds([setting.broker_pid]) - broker
    return Sample(**found, own_cpu=own / thousands, broker_cpu=broker / thousands, settled_after=0.0)


def _call(pair: Side, clients: int, seconds: int) -> dict[str, float]:
    config = {"AMQP_URI": pair.environment.get("RABBITMQ_URL") or pair.environment["AMQP_URI"]}
    with ClusterRpcProxy(config, timeout=seconds + ANSWER_SECONDS) as cluster:
        found: dict[str, float] = cluster.bench_caller.run(data=TODO, clients=clients, seconds=seconds)
        return found
