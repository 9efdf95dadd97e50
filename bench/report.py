"""A run's figures as tables in Markdown, which read well in a terminal too."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bench import figures, parts, targets
from bench.micro import round_trip
from bench.rounds import ROWS, Sample, Samples

ROW_HEAD = ("", "suite", "stock", "ratio", "p50 ms", "p99 ms", "own CPU", "RabbitMQ's CPU")
LEFT_OVER_SECONDS = 1.0


@dataclass(frozen=True)
class Report:
    """One run."""

    samples: Samples
    extras: dict[str, Any]
    rounds: int
    seconds: int

    @property
    def figures(self) -> dict[str, float]:
        """By name."""
        return figures.of_run(self.samples, self.extras)

    def text(self) -> str:
        """The tables."""
        rows = [self._row(key) for key in self.samples]
        beside = [*self._beside(), *parts.lines(self.extras)]
        tables = [
            table(ROW_HEAD, rows),
            table(("of the suite", "measured"), beside),
            table(("target", "wanted", "this run"), targets.verdicts(self.figures)),
        ]
        return "\n\n".join([self.about(), *filter(None, tables)])

    def about(self) -> str:
        """When, where and how."""
        rounds = "1 round" if self.rounds == 1 else f"{self.rounds} rounds"
        now = datetime.now(UTC).strftime("%Y-%m-%d")
        return f"{now}, {cpu_model()}, {rounds} of {self.seconds} s each."

    def raw(self) -> dict[str, Any]:
        """Everything that was measured, for JSON."""
        plain = {
            key: {side: [asdict(one) for one in all_of] for side, all_of in sides.items()}
            for key, sides in self.samples.items()
        }
        return {
            "about": self.about(), "rounds": self.rounds, "seconds": self.seconds, "samples": plain,
            "extras": self.extras, "figures": self.figures,
        }  # fmt: skip

    def _row(self, key: str) -> tuple[str, ...]:
        suite, stock = (figures.median(self.samples[key][side]) for side in ("suite", "stock"))
        found = self.figures
        return (
            title(key), f"{suite.per_second:.0f}/s", f"{stock.per_second:.0f}/s",
            f"{found[f'{key}.ratio']:.2f}", both(suite, stock, "p50_ms"), both(suite, stock, "p99_ms"),
            f"{both(suite, stock, 'own_cpu', 2)} ({found[f'{key}.own_cpu_ratio']:.2f})",
            f"{both(suite, stock, 'broker_cpu', 2)} ({found[f'{key}.broker_cpu_ratio']:.2f})",
        )  # fmt: skip

    def _beside(self) -> list[tuple[str, str]]:
        """What the rows show besides their own figures, the suite's before stock's."""
        found = []
        for key, sides in self.samples.items():
            suite, stock = figures.median(sides["suite"]), figures.median(sides["stock"])
            if suite.logins_per_second:
                found.append(("logins/s meanwhile", both(suite, stock, "logins_per_second", 1)))
            if suite.settled_after > LEFT_OVER_SECONDS:
                about = f"{title(key)}: seconds until all that it caused was done"
                found.append((about, both(suite, stock, "settled_after", 1)))
        return found


def title(key: str) -> str:
    """What a row is about."""
    titles = {row.key: row.title for row in ROWS} | round_trip.TITLES
    return titles[key]


def both(suite: Sample, stock: Sample, name: str, decimals: int = 1) -> str:
    """The suite's figure, then stock's."""
    return f"{getattr(suite, name):.{decimals}f} / {getattr(stock, name):.{decimals}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned; nothing without rows."""
    if not rows:
        return ""
    widths = [max(3, *map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def cpu_model() -> str:
    """The processor and how many cores of it."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    return f"{os.cpu_count()} cores ({names[0] if names else platform.machine()})"
