"""Clients that call without pause, and how long their calls took."""

import statistics
import time
from collections.abc import Callable

import eventlet


def load(call: Callable[[], None], clients: int, seconds: float) -> list[float]:
    """The seconds that each call took, of so many clients for so long."""
    end, taken = time.monotonic() + seconds, []

    def client() -> None:
        while time.monotonic() < end:
            started = time.monotonic()
            call()
            taken.append(time.monotonic() - started)

    for thread in [eventlet.spawn(client) for _ in range(clients)]:
        thread.wait()
    return taken


def p99(taken: list[float]) -> float:
    """What ninety-nine of a hundred calls stayed under."""
    return statistics.quantiles(taken, n=100)[98]


def quickest(measure: Callable[[], float], good: float, tries: int = 3) -> float:
    """The least of some measurements of a ratio, or the first that is good.

    What else the machine does can only make a ratio worse, and a defect makes each of them worse.
    """
    found: list[float] = []
    while len(found) < tries and (not found or found[-1] >= good):
        found.append(measure())
    return min(found)
