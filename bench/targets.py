"""What must be reached, and whether it is: ratios to stock Nameko in one run, and figures of the suite."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A bound for one figure."""

    figure: str
    title: str
    bound: float
    unit: str = ""
    at_least: bool = True

    def is_reached(self, value: float) -> bool:
        """Whether the figure keeps the bound; a lower bound may be met exactly, an upper one as well."""
        return value >= self.bound if self.at_least else value <= self.bound

    def says(self, value: float) -> str:
        """The verdict in words."""
        verdict = "reached" if self.is_reached(value) else "not reached"
        return f"{verdict}: {value:.{self.decimals}f}{self.unit}"

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}{self.unit}"

    @property
    def decimals(self) -> int:
        """How exactly a figure of this size is written."""
        return 0 if self.bound >= 100 else 1 if self.bound >= 10 else 2


TIMES = " times stock"
TARGETS = (
    Target("list32.ratio", "GET list, 32 clients", 3.2, TIMES),
    Target("get32.ratio", "GET one, 32 clients", 3.2, TIMES),
    Target("post32.ratio", "POST, 32 clients", 2.8, TIMES),
    Target("list1.ratio", "GET list, 1 client", 2.3, TIMES),
    Target("post1.ratio", "POST, 1 client", 2.0, TIMES),
    Target("list32.own_cpu_ratio", "own CPU per list", 0.38, TIMES, at_least=False),
    Target("list32.broker_cpu_ratio", "RabbitMQ's CPU per list", 0.15, TIMES, at_least=False),
    Target("mixed.ratio", "GET list beside logins", 3.3, TIMES),
    Target("mixed.p99_ms", "its p99", 30, " ms", at_least=False),
    Target("mixed.logins_share", "logins/s, of bcrypt's own rate", 0.55),
    Target("events_per_second", "events from outbox to ledger and out", 3000, "/s"),
    Target("mail_ms", "a mail from commit to SMTP, idle, median", 50, " ms", at_least=False),
    Target("memory_mib", "resident memory of the largest process", 120, " MiB", at_least=False),
    Target("idle_percent", "CPU of the idle suite, of one core", 3, " %", at_least=False),
)


def verdicts(figures: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """For each target that was measured: what it is about, what is wanted, and the verdict."""
    return [
        (one.title, one.wanted, one.says(figures[one.figure])) for one in TARGETS if one.figure in figures
    ]
