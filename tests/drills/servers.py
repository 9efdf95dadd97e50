"""Drills that break a server that the suite needs: the broker, a database, the store of the limits."""

from collections.abc import Iterator
from contextlib import contextmanager

from ops.engines.process import Engine
from tests.drills.site import Site
from tests.drills.traffic import calls, readers, stumbling
from tests.e2e.client import Client

DISK_LIMIT = "200MB"
AVAILABLE = "rabbitmq_disk_space_available_bytes"


@contextmanager
def broker_gone(site: Site) -> Iterator[None]:
    """RabbitMQ ends; messaging, asked on its own port, stores what it can't publish."""
    messaging = Client(site.suite.url_of("messaging"), site.admin.token)
    with _stopped(site, site.rabbitmq):
        assert messaging.post("/messages", site.message()).status_code == 202
        yield


@contextmanager
def broker_without_memory(site: Site) -> Iterator[None]:
    """RabbitMQ may use a megabyte of memory."""
    site.rabbitmq.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    with readers(site):
        yield
        site.rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
    site.suite.wait_ready()


@contextmanager
def broker_s_disk_low(site: Site) -> Iterator[None]:
    """The limit of free space is a fifth of what there is."""
    with _disk_limit(site, 0.2):
        yield


@contextmanager
def broker_s_disk_full(site: Site) -> Iterator[None]:
    """The limit of free space is twice what there is."""
    with _disk_limit(site, 2), readers(site):
        yield
    site.suite.wait_ready()


@contextmanager
def mongodb_slow(site: Site) -> Iterator[None]:
    """MongoDB stands still for most of the time; then people go on who have their answers at once."""
    assert site.mongodb.pid
    with readers(site):
        with stumbling(site.mongodb.pid, stopped=0.8, running=0.1):
            yield
        site.prometheus.wait_silent(["LatencyBudgetBurnsFast", "LatencyBudgetBurnsSlowly"], 120)


@contextmanager
def mongodb_gone(site: Site) -> Iterator[None]:
    """MongoDB ends while people look at their todos."""
    with readers(site), _stopped(site, site.mongodb):
        yield


@contextmanager
def postgresql_gone(site: Site) -> Iterator[None]:
    """PostgreSQL ends while people look at their profiles."""
    ada = site.ada
    with calls(lambda: ada.get("/api/users/me")), _stopped(site, site.postgresql):
        yield


@contextmanager
def limits_uncounted(site: Site) -> Iterator[None]:
    """The store of the rate limits ends while people call."""
    with readers(site), _stopped(site, site.valkey):
        yield


@contextmanager
def _stopped(site: Site, server: Engine) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()
        server.wait_ready(60)
        site.suite.wait_ready()


@contextmanager
def _disk_limit(site: Site, times: float) -> Iterator[None]:
    limit = int(site.prometheus.value(AVAILABLE) * times)
    site.rabbitmq.ctl("set_disk_free_limit", str(limit))
    try:
        yield
    finally:
        site.rabbitmq.ctl("set_disk_free_limit", DISK_LIMIT)
