"""A run's figures as tables in Markdown, which read well in a terminal too."""

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bench import figures, parts, targets
from bench.micro import round_trip, scaling, waterfall
from bench.rounds import ROWS, Sample, Samples
from bench.tables import Table, table

ROW_HEAD = ("", "suite", "stock", "ratio", "p50 ms", "p99 ms", "own CPU", "RabbitMQ's CPU")
LEFT_OVER_SECONDS = 1.0
TABLES: dict[str, Callable[[dict[str, Any]], list[Table]]] = {
    "waterfall": waterfall.tables,
    "scaling": scaling.tables,
}
"""Parts with tables of their own."""


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
        """All tables."""
        return "\n\n".join(self.blocks().values())

    def blocks(self) -> dict[str, str]:
        """The tables under the names of their places in the page, with when and where they were measured."""
        main = self._main()
        found = {"results": f"{self.about()}\n\n{main}"} if main else {}
        for name, tables in TABLES.items():
            if name in self.extras:
                shown = (table(head, rows) for head, rows in tables(self.extras[name]))
                found[name] = "\n\n".join((f"{when_and_where()}.", *shown))
        return found

    def _main(self) -> str:
        rows = [self._row(key) for key in self.samples]
        beside = [*self._beside(), *parts.lines(self.extras)]
        tables = [
            table(ROW_HEAD, rows),
            table(("of the suite", "measured"), beside),
            table(("target", "wanted", "this run"), targets.verdicts(self.figures)),
        ]
        return "\n\n".join(filter(None, tables))

    def about(self) -> str:
        """When, where and how."""
        rounds = "1 round" if self.rounds == 1 else f"{self.rounds} rounds"
        return f"{when_and_where()}, {rounds} of {self.seconds} s each."

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
                found.append((f"{title(key)}: logins/s", both(suite, stock, "logins_per_second", 1)))
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


def when_and_where() -> str:
    """The day and the machine."""
    return f"{datetime.now(UTC):%Y-%m-%d}, {cpu_model()}"


def cpu_model() -> str:
    """The processor and how many cores of it."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    return f"{os.cpu_count()} cores ({names[0] if names else platform.machine()})"
