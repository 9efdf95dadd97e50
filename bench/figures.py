"""The figures that targets are about, from the samples of a run. Ratios are of one round, then medians."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from bench.rounds import Sample, Samples


def median(samples: Sequence[Sample]) -> Sample:
    """The median of each figure by itself."""
    rows = [asdict(sample) for sample in samples]
    return Sample(**{name: statistics.median(row[name] for row in rows) for name in rows[0]})


def ratio(suite: Sequence[Sample], stock: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    """The median of the rounds' ratios of one figure."""
    pairs = zip(suite, stock, strict=True)
    return statistics.median(of(ours) / (of(theirs) or 1e-9) for ours, theirs in pairs)


def of_row(suite: Sequence[Sample], stock: Sequence[Sample]) -> dict[str, float]:
    """The ratios of one row, and the suite's p99."""
    return {
        "ratio": ratio(suite, stock, lambda one: one.per_second),
        "own_cpu_ratio": ratio(suite, stock, lambda one: one.own_cpu),
        "broker_cpu_ratio": ratio(suite, stock, lambda one: one.broker_cpu),
        "p99_ms": median(suite).p99_ms,
    }


def of_run(samples: Samples, extras: dict[str, Any]) -> dict[str, float]:
    """All figures by name: ``list32.ratio``, ``mixed.p99_ms``, and those measured beside the rounds."""
    found = {
        f"{key}.{name}": value
        for key, sides in samples.items()
        for name, value in of_row(sides["suite"], sides["stock"]).items()
    }
    if "mixed" in samples and "bcrypt_per_second" in extras:
        logins = median(samples["mixed"]["suite"]).logins_per_second
        found["mixed.logins_share"] = logins / extras["bcrypt_per_second"]
    return found | {name: value for name, value in extras.items() if isinstance(value, int | float)}
