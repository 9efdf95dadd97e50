"""The health of the suite: all services asked at once, the answers kept for a second.

Each question has an end of its own, so that the report comes in time whatever is down. Who asks while
a report is being made waits for that one: asking often costs the services nothing.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import eventlet
from eventlet.greenthread import GreenThread
from eventlet.semaphore import Semaphore
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import VERSION, clock, topology
from common.attendance import Counts, count_instances
from common.errors import DeadlineExceeded, Unavailable
from common.health import worst
from common.logging import get_logger
from common.outages import Outages
from common.rpc_calls import Client
from common.rpc_transports import Replies

log = get_logger()
SERVICES = tuple(name for name in topology.SERVICES if name != "gateway")
PROBE_SECONDS = 1.5
PATIENCE_SECONDS = 1.75
KEPT_SECONDS = 1.0
Report = dict[str, Any]


class SystemHealth(DependencyProvider):
    """Injects a function that reports on all services: ``{status, version, checked_at, services}``."""

    replies = Replies()

    def setup(self) -> None:
        """Start without a report."""
        self._turn = Semaphore(1)
        self._kept: tuple[float, Report] | None = None
        self._outages = Outages()
        self._failing: list[str] = []

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], Report]:
        """The report, at most a second old; a new one is asked for in this worker's name."""
        return partial(self._fresh, worker_ctx)

    def _fresh(self, worker_ctx: WorkerContext) -> Report:
        with self._turn:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_SECONDS:
                report = self._ask_all(worker_ctx)
                self._kept = (time.monotonic(), report)
            return self._kept[1]

    def _ask_all(self, worker_ctx: WorkerContext) -> Report:
        answers = {name: _fail("no answer in time", PROBE_SECONDS) for name in SERVICES}
        counts: Counts = dict.fromkeys(SERVICES)

        def probe(name: str) -> None:
            answers[name] = ask(Client(worker_ctx, name, self.replies, PROBE_SECONDS).health)

        def count() -> None:
            counts.update(count_instances(self.container.config, SERVICES, PROBE_SECONDS))

        wait_for(
            [eventlet.spawn(count), *(eventlet.spawn(probe, name) for name in SERVICES)], PATIENCE_SECONDS
        )
        if words := self._trouble_of_broker(answers, counts):
            answers = {name: blaming_broker(part, words) for name, part in answers.items()}
        found = report(answers, counts)
        self._tell_changes({name for name, part in found["services"].items() if part["status"] == "fail"})
        return found

    def _trouble_of_broker(self, answers: dict[str, Report], counts: Counts) -> str:
        """What keeps the broker from carrying the questions; empty if it is not the broker."""
        if any("detail" not in part for part in answers.values()):
            return ""
        try:
            self.replies.check_broker()
        except Unavailable as problem:
            return problem.message
        # The connection stands until heartbeats are missed, and the broker said nothing on one that is new.
        return "no answer in time" if set(counts.values()) == {None} else ""

    def _tell_changes(self, down: set[str]) -> None:
        failing = sorted(self._outages.among(down, set(SERVICES) - down))
        if failing != self._failing:
            self._failing = failing
            (log.warning if failing else log.info)("services_failing", services=failing)


def wait_for(threads: list[GreenThread], seconds: float) -> None:
    """Wait until all have ended, or for ``seconds``; who has not ended by then is left alone.

    A probe has a time limit of its own, but what it does to clean up after it may take longer.
    """
    with eventlet.Timeout(seconds, False):
        for thread in threads:
            thread.wait()


def ask(health: Callable[[], Report]) -> Report:
    """What a service says of itself, or that it says nothing; with the milliseconds that it took."""
    started = time.perf_counter()
    try:
        answer = health()
        found = {"status": answer["status"], "dependencies": answer["dependencies"]}
    except Exception as problem:
        silent = isinstance(problem, DeadlineExceeded)
        return _fail("no answer in time" if silent else "not reachable", time.perf_counter() - started)
    return {**found, "latency_ms": _ms(time.perf_counter() - started)}


def blaming_broker(part: Report, words: str) -> Report:
    """The part of a service that could not be asked: what is known to be away is the broker."""
    broker = {"status": "fail", "latency_ms": part["latency_ms"], "detail": words}
    return {**part, "dependencies": {"rabbitmq": broker}, "detail": "can't be asked without the broker"}


def report(answers: dict[str, Report], instances: Counts) -> Report:
    """The whole from its parts: as bad as the worst of them."""
    return {
        "status": worst(part["status"] for part in answers.values()),
        "version": VERSION,
        "checked_at": clock.to_text(clock.now()),
        "services": {
            name: {**part, "instances": _at_least_one(part, instances[name])}
            for name, part in answers.items()
        },
    }


def _at_least_one(part: Report, counted: int | None) -> int | None:
    # Counting and asking go on at once: a service may have come up, and answered, after the count.
    return 1 if counted == 0 and "detail" not in part else counted


def _fail(detail: str, seconds: float) -> Report:
    return {"status": "fail", "latency_ms": _ms(seconds), "dependencies": {}, "detail": detail}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
