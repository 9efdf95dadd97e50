"""The rows of the table, measured in alternating rounds: what the machine does meanwhile hits both sides."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench import cpu
from bench.load import Answers, Load, Request
from bench.people import People
from bench.sides import Side

WARM_UP_SECONDS = 2
LOGINS_TAKE = 2
"""Eight logins at once may take seconds each, so what runs beside them is measured for longer."""


@dataclass(frozen=True)
class Row:
    """One kind of load; ``beside`` is the number of clients that log in meanwhile.

    ``users``: whose todos are read, one after the other; with 1 all clients are windows of one user.
    """

    key: str
    title: str
    ask: Callable[[People], Request]
    clients: int
    beside: int = 0
    users: int = 1


ROWS = (
    Row("list1", "GET list of 20, 1 client", lambda people: people.list_todos, 1),
    Row("list32", "GET list of 20, 32 clients", lambda people: people.list_todos, 32),
    Row("lists32", "GET list of 20, 32 clients, a user each", lambda people: people.lists(32), 32, users=32),
    Row("post1", "POST a todo, 1 client", lambda people: people.create_todo, 1),
    Row("post32", "POST a todo, 32 clients", lambda people: people.create_todo, 32),
    Row("quiet32", "POST, 32 clients, mails switched off", lambda people: people.create_silently, 32),
    Row("get32", "GET one, 32 clients", lambda people: people.get_todo, 32),
    Row("gets32", "GET one, 32 clients, a user each", lambda people: people.singles(32), 32, users=32),
    Row("mixed", "GET list, 8 clients, while 8 others log in", lambda people: people.list_todos, 8, 8),
    Row("mixed8", "the same, a user each", lambda people: people.lists(8), 8, 8, users=8),
)


@dataclass(frozen=True)
class Sample:
    """One measurement. CPU is in seconds per 1,000 requests; ``settled_after`` is what was left to do."""

    per_second: float
    p50_ms: float
    p99_ms: float
    own_cpu: float
    broker_cpu: float
    settled_after: float
    logins_per_second: float = 0.0


Samples = dict[str, dict[str, list[Sample]]]


@dataclass(frozen=True)
class Bench:
    """A side, its people, and the broker that works for both sides."""

    side: Side
    people: People
    broker_pid: int

    def measure(self, row: Row, seconds: int) -> Sample:
        """Load it, and wait afterwards until everything that the load has caused is done."""
        own, broker = cpu.seconds(self.side.pids), cpu.seconds([self.broker_pid])
        answers, logins = self._load(row, seconds)
        own, broker = cpu.seconds(self.side.pids) - own, cpu.seconds([self.broker_pid]) - broker
        thousands = answers.requests / 1000
        return Sample(
            answers.per_second, answers.p50_ms, answers.p99_ms, own / thousands, broker / thousands,
            cpu.wait_quiet([*self.side.pids, self.broker_pid]), logins.per_second if logins else 0.0,
        )  # fmt: skip

    def _load(self, row: Row, seconds: int) -> tuple[Answers, Answers | None]:
        seconds *= LOGINS_TAKE if row.beside else 1
        beside = Load(self.people.login, row.beside, seconds) if row.beside else None
        answers = Load(row.ask(self.people), row.clients, seconds).finish()
        return answers, beside.finish() if beside else None


def alternate(
    benches: Sequence[Bench], rows: Iterable[Row], rounds: int, seconds: int, tell: Callable[[str], None]
) -> Samples:
    """Measure every row on every side, in each round in the other order."""
    rows = list(rows)
    samples: Samples = {row.key: {bench.side.name: [] for bench in benches} for row in rows}
    for row in rows:
        for bench in benches:
            bench.measure(row, WARM_UP_SECONDS)
    for number in range(rounds):
        for row in rows:
            for bench in benches if number % 2 == 0 else reversed(benches):
                sample = bench.measure(row, seconds)
                samples[row.key][bench.side.name].append(sample)
                tell(line(number + 1, rounds, row.key, bench.side.name, sample))
    return samples


def line(number: int, rounds: int, key: str, side: str, sample: Sample) -> str:
    """A measurement, for those who watch."""
    return f"{number}/{rounds}  {key:8} {side:6} {sample.per_second:7.0f}/s  p99 {sample.p99_ms:6.1f} ms"
