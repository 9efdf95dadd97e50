"""What a process shows of itself: its pools, its links, how late its event loop is, how old its secrets are.

All of it is read when somebody scrapes, but for the event loop, which one timer watches.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import eventlet
from cryptography import x509
from nameko.extensions import DependencyProvider

from common import VERSION, config, metrics
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
        asked = time.perf_counter()
        eventlet.sleep(_TICK_SECONDS)
        late(max(0.0, time.perf_counter() - asked - _TICK_SECONDS))


def show_ages(settings: dict[str, Any]) -> None:
    """Until when the certificate is good, and since when the secrets are used, as far as that is known."""
    if settings["HTTP"]["tls_cert"]:
        metrics.CERTIFICATE_EXPIRES.labels("TLS_CERT").set(certificate_end(settings["HTTP"]["tls_cert"]))
    for setting, path in secret_files(settings).items():
        metrics.SECRET_SINCE.labels(setting).set(path.stat().st_mtime)
    if settings["JWT_SECRET_SINCE"]:
        since = datetime.fromisoformat(settings["JWT_SECRET_SINCE"]).replace(tzinfo=UTC)
        metrics.SECRET_SINCE.labels("JWT_SECRET").set(since.timestamp())


def certificate_end(path: str) -> float:
    """When the first certificate in the file ends, in Unix seconds."""
    certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())
    return certificates[0].not_valid_after_utc.timestamp()


def secret_files(settings: dict[str, Any]) -> dict[str, Path]:
    """The files that secrets stand in, by the setting: as old as their last change."""
    found = {"JWT_SECRET": config.SECRET_FILE, "JWT_PRIVATE_KEY": Path(settings["JWT_PRIVATE_KEY"] or "/")}
    if settings["JWT_SECRET"]:
        del found["JWT_SECRET"]
    return {setting: path for setting, path in found.items() if path.is_file()}
