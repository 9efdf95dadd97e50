"""What a process shows of itself: its pools, its links, how late its event loop is, how old its secrets are.

All of it is read when somebody scrapes, but for the event loop, which one timer watches.
"""

import time

import eventlet
from nameko.extensions import DependencyProvider

from common import VERSION, metrics, pace
from common.ages import show_ages
from common.consumer import QueueConsumer
from common.health import Probe, Unwell
from common.server import SuiteWebServer
from common.transport.link import Link

_TICK_SECONDS = 0.25
"""Of a standstill the part after the tick is seen: one of half a second could hide behind ticks as long."""


class Vitals(DependencyProvider):
    """Shows the process that it is in; injects nothing."""

    server = SuiteWebServer()
    link = Link()
    queue_consumer = QueueConsumer()

    def setup(self) -> None:
        """Tell the metrics where to look."""
        metrics.BUILD.labels(self.container.service_name, VERSION).set(1)
        pool, settings = self.container._worker_pool, self.container.config
        metrics.show_semaphore("workers", pool.size, pool.sem)
        metrics.show_pool("http", int(settings["HTTP"]["max_connections"]), self._connections)
        metrics.BROKER_BLOCKED.set_function(lambda: float(self.link.is_blocked))
        metrics.RPC_LINK_UP.set_function(lambda: float(self.link.is_open))
        show_ages(settings)

    def start(self) -> None:
        """Begin to watch the event loop."""
        self._watcher = eventlet.spawn(watch_hub)

    def stop(self) -> None:
        """Watch no more."""
        self._watcher.kill()

    def probes(self) -> tuple[Probe, ...]:
        """Whether calls and events are taken: a process that only looks alive is not well."""
        return (Probe("consumers", self._ask_consumers),)

    def _ask_consumers(self) -> None:
        if self.link.is_used and not self.link.is_open:
            raise Unwell("no calls are taken")
        if self.queue_consumer.is_stuck:
            raise Unwell("no events are taken")

    def _connections(self) -> float:
        return len(self.server.connections.open) if hasattr(self.server, "connections") else 0


def watch_hub() -> None:
    """Sleep a little, again and again, and note how much longer it was: whatever blocks delays all others."""
    late = metrics.HUB_LAG_SECONDS.observe
    while True:
        seconds = pace.until_next(_TICK_SECONDS)
        due = time.perf_counter() + seconds
        eventlet.sleep(seconds)
        late(max(0.0, time.perf_counter() - due))
