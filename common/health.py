"""How a process is: its connection to the broker and what its dependencies answer, asked in parallel."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import eventlet
from eventlet.semaphore import Semaphore
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import VERSION, clock, metrics, pace
from common.logging import get_logger, instance
from common.outages import STARTING_SECONDS, Outages

log = get_logger()
PROBE_SECONDS, _GRACE_SECONDS = 1.0, 0.1
_CACHE_SECONDS = 1.0
_SELF_CHECK_SECONDS = 5.0
_PATIENCE_SECONDS, _TICK_SECONDS = 1.0, 0.05
"""How long who asks a process too early waits for it to be well: less than the gateway waits for a report."""
Report = dict[str, Any]


class Unwell(Exception):
    """A dependency's own words for what is wrong with it; they are shown to whoever asks."""


class ProbeTimeout(Exception):
    """A dependency has not answered in time."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question to a dependency: it raises if all is not well, and may say something in words.

    One that is not ``critical`` turns the report to ``warn`` instead of ``fail``.
    """

    name: str
    ask: Callable[[], str | None]
    critical: bool = True


class Health(DependencyProvider):
    """Injects a function that reports on this process.

    A dependency takes part by having ``probes()``. A report is kept for a second, so that asking often
    hurts nobody. The process asks itself every few seconds, so that its metrics and its log tell what
    nobody has asked for.
    """

    def setup(self) -> None:
        """Start without a report."""
        self._turn = Semaphore(1)
        self._report: tuple[float, Report] = (0.0, {})
        self._outages = Outages()
        self._down: set[str] = set()
        self._starts_until = time.monotonic() + STARTING_SECONDS

    def start(self) -> None:
        """Begin to ask."""
        self._self_check = eventlet.spawn(self._ask_often)

    def stop(self) -> None:
        """Ask no more."""
        self._self_check.kill()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], Report]:
        """``report() -> {status, version, checked_at, instance, dependencies}``."""
        return self._fresh

    def latest(self) -> Report:
        """The last report, however old; the process asks itself often enough."""
        return self._report[1] or self._fresh()

    def _fresh(self) -> Report:
        with self._turn:
            if time.monotonic() - self._report[0] > _CACHE_SECONDS:
                report = self._ask_patiently()
                self._report = (time.monotonic(), report)
            return self._report[1]

    def _ask_patiently(self) -> Report:
        # A process takes calls a moment before it has all that it needs. It is asked as one of several, which
        # may be well: that it can't work yet would be told of the whole service.
        began = time.monotonic()
        report = self._ask()
        took = time.monotonic() - began
        end = min(began + _PATIENCE_SECONDS - took, self._starts_until)
        while report["status"] == "fail" and time.monotonic() < end:
            eventlet.sleep(_TICK_SECONDS)
            report = self._ask()
        if report["status"] != "fail":
            self._starts_until = 0.0
        return report

    def _tell_changes(self, dependencies: Report) -> None:
        unwell = {name for name, part in dependencies.items() if part["status"] != "pass"}
        down = self._outages.among(unwell, dependencies.keys() - unwell)
        for name in down - self._down:
            log.warning("dependency_down", dependency=name, detail=dependencies[name]["detail"])
        for name in self._down - down:
            log.info("dependency_up", dependency=name)
        self._down = down

    def _ask_often(self) -> None:
        while True:
            pace.sleep_until_next(_SELF_CHECK_SECONDS)
            self._fresh()

    def _ask(self) -> Report:
        askable = [provider for provider in self.container.dependencies if hasattr(provider, "probes")]
        probes: list[Probe] = [probe for provider in askable for probe in provider.probes()]
        dependencies = _ask_all(probes)
        self._tell_changes(dependencies)
        dependencies["rabbitmq"] = {"status": "pass" if metrics.broker_is_up() else "fail", "latency_ms": 0.0}
        for name, part in dependencies.items():
            metrics.DEPENDENCY_UP.labels(name).set(part["status"] == "pass")
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


def _ask_all(probes: list[Probe]) -> dict[str, Report]:
    """The answers by name. Who has none when its time is over, and a little more, is left alone.

    A driver may take the end of a probe's time for a lost connection, and try another one.
    """
    asked = [(probe, eventlet.spawn(_ask_one, probe)) for probe in probes]
    end, late = time.monotonic() + PROBE_SECONDS + _GRACE_SECONDS, ProbeTimeout()
    found = {probe.name: _failed(probe, time.perf_counter() - PROBE_SECONDS, late) for probe in probes}
    for probe, answer in asked:
        with eventlet.Timeout(max(0.0, end - time.monotonic()), False):
            found[probe.name] = answer.wait()
    return found


def _ask_one(probe: Probe) -> Report:
    started = time.perf_counter()
    try:
        with eventlet.Timeout(PROBE_SECONDS, ProbeTimeout("no answer in time")):
            words = probe.ask()
    except Exception as problem:
        return _failed(probe, started, problem)
    told = {"detail": words} if words else {}
    return {"status": "pass", "latency_ms": _ms(started), **told}


def _failed(probe: Probe, started: float, problem: Exception) -> Report:
    status = "fail" if probe.critical else "warn"
    return {"status": status, "latency_ms": _ms(started), "detail": _detail(problem)}


def _detail(problem: Exception) -> str:
    if isinstance(problem, Unwell):
        return str(problem)
    return "no answer in time" if isinstance(problem, ProbeTimeout) else "not reachable"


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
