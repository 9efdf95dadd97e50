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
