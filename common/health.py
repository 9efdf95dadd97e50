"""How a process is: its connection to the broker and what its dependencies answer, asked in parallel."""

import time
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet.semaphore import Semaphore
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import VERSION, clock, metrics
from common.logging import get_logger, instance

log = get_logger()
PROBE_SECONDS = 1.0
_CACHE_SECONDS = 1.0
Report = dict[str, Any]


class Unwell(Exception):
    """A dependency's own words for what is wrong with it; they are shown to whoever asks."""


class ProbeTimeout(Exception):
    """A dependency has not answered in time."""


class Health(DependencyProvider):
    """Injects a function that reports on this process.

    A dependency takes part by having ``probe()``, which raises if it is not well, and ``probe_name``.
    One with ``critical = False`` turns the report to ``warn`` instead of ``fail``. A report is kept for
    a second, so that asking often hurts nobody.
    """

    def setup(self) -> None:
        """Start without a report."""
        self._turn = Semaphore(1)
        self._report: tuple[float, Report] = (0.0, {})

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], Report]:
        """``report() -> {status, version, checked_at, instance, dependencies}``."""
        return self._fresh

    def _fresh(self) -> Report:
        with self._turn:
            if time.monotonic() - self._report[0] > _CACHE_SECONDS:
                self._report = (time.monotonic(), self._ask())
            return self._report[1]

    def _ask(self) -> Report:
        probed = [provider for provider in self.container.dependencies if hasattr(provider, "probe")]
        answers = [eventlet.spawn(_ask_one, provider) for provider in probed]
        dependencies = {
            provider.probe_name: answer.wait() for provider, answer in zip(probed, answers, strict=True)
        }
        dependencies["rabbitmq"] = {"status": "pass" if metrics.broker_is_up() else "fail", "latency_ms": 0.0}
        return {
            "status": worst(part["status"] for part in dependencies.values()),
            "version": VERSION,
            "checked_at": clock.to_text(clock.now()),
            "instance": instance(),
            "dependencies": dependencies,
        }


def worst(statuses: Any) -> str:
    """``fail`` if any fails, else ``warn`` if any warns, else ``pass``."""
    found = set(statuses)
    return "fail" if "fail" in found else "warn" if "warn" in found else "pass"


def _ask_one(provider: Any) -> Report:
    started = time.perf_counter()
    try:
        with eventlet.Timeout(PROBE_SECONDS, ProbeTimeout("no answer in time")):
            provider.probe()
    except Exception as problem:
        log.warning("dependency_down", dependency=provider.probe_name, error=type(problem).__name__)
        status = "fail" if getattr(provider, "critical", True) else "warn"
        return {"status": status, "latency_ms": _ms(started), "detail": _detail(problem)}
    return {"status": "pass", "latency_ms": _ms(started)}


def _detail(problem: Exception) -> str:
    if isinstance(problem, Unwell):
        return str(problem)
    return "no answer in time" if isinstance(problem, ProbeTimeout) else "not reachable"


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
