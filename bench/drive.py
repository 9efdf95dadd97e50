"""Calls without pause from green threads of one worker, and how long they took; for both sides."""

import statistics
import time
from collections.abc import Callable

import eventlet


def drive(call: Callable[[], object], clients: int, seconds: float) -> dict[str, float]:
    """The rate, the median and the 99th percentile of so many callers for so long."""
    taken: list[float] = []
    began = time.perf_counter()

    def one_after_another() -> None:
        while (start := time.perf_counter()) - began < seconds:
            call()
            taken.append(time.perf_counter() - start)

    for thread in [eventlet.spawn(one_after_another) for _ in range(clients)]:
        thread.wait()
    rate = len(taken) / (time.perf_counter() - began)
    percentiles = statistics.quantiles(taken, n=100)
    return {"per_second": rate, "p50_ms": percentiles[49] * 1000, "p99_ms": percentiles[98] * 1000}
