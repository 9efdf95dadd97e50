"""Drills that break a process of ours: gone, silent, dying, blocked, full."""

import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import eventlet

from ops.engines.ports import LOOPBACK, free_port
from tests.certificates import make_pair
from tests.drills.site import Site, open_files, pid_of
from tests.drills.traffic import guesses, readers, stumbling

CONNECTIONS = 150
SPARE_FILES = 30


@contextmanager
def service_gone(site: Site) -> Iterator[None]:
    """The only instance of todos is killed while people look at their todos."""
    with readers(site):
        site.suite.signal("todos")
        yield
        site.restart("todos")


@contextmanager
def instance_silent(site: Site) -> Iterator[None]:
    """One of two instances of todos is there and answers nobody."""
    site.suite.start("todos.2")
    port = site.port_of("todos.2")
    site.ask_processes({"__address__": f"{LOOPBACK}:{port}", "__meta_dns_name": "todos"})
    site.until(lambda: site.prometheus.value('sum(up{service="todos"})') == 2)
    site.suite.signal("todos.2", signal.SIGSTOP)
    yield
    site.suite.signal("todos.2", signal.SIGCONT)
    site.prometheus.wait_silent(["InstanceDown"])
    site.suite.signal("todos.2")
    del site.suite.processes["todos.2"]
    site.ask_processes()


@contextmanager
def dying_again_and_again(site: Site) -> Iterator[None]:
    """The auth service is killed whenever it has come up."""
    killer = eventlet.spawn(_kill_again_and_again, site, "auth")
    try:
        yield
    finally:
        killer.kill()
        site.restart("auth")


def _kill_again_and_again(site: Site, service: str) -> None:
    while True:
        site.suite.signal(service)
        began = time.time()
        site.suite.start(service)
        site.until_scraped(service, began)


@contextmanager
def event_loop_late(site: Site) -> Iterator[None]:
    """The process of auth stands still for half a second, again and again."""
    with stumbling(pid_of(site, "auth"), stopped=0.5, running=0.2):
        yield


@contextmanager
def files_used_up(site: Site) -> Iterator[None]:
    """Clients keep connections open where the system allows the gateway few files."""
    pid = pid_of(site, "gateway")
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection((LOOPBACK, site.suite.ports["gateway"])))
        site.until(lambda: open_files(pid) > CONNECTIONS)
        few = (open_files(pid) + SPARE_FILES, limits[1])
        resource.prlimit(pid, resource.RLIMIT_NOFILE, few)
        stack.callback(resource.prlimit, pid, resource.RLIMIT_NOFILE, limits)
        yield


@contextmanager
def passwords_guessed(site: Site) -> Iterator[None]:
    """Somebody tries passwords."""
    with guesses(site):
        yield


@contextmanager
def certificate_old(site: Site) -> Iterator[None]:
    """A gateway's certificate ends in two days."""
    pair, port = make_pair(site.suite.directory), free_port()
    kept = site.suite.environment
    settings = {"PORT": str(port), "TLS_CERT": str(pair.certificate), "TLS_KEY": str(pair.key)}
    site.suite.environment = kept | settings
    try:
        site.suite.start("gateway.2")
    finally:
        site.suite.environment = kept
    address = {"__address__": f"{LOOPBACK}:{port}", "__scheme__": "https"}
    site.ask_processes(address | {"__meta_dns_name": "gateway"})
    yield
    site.suite.signal("gateway.2", signal.SIGTERM)
    site.suite.processes.pop("gateway.2").wait(30)
    site.ask_processes()


@contextmanager
def secret_old(site: Site) -> Iterator[None]:
    """JWT_SECRET is in use since 2020; it is changed today."""
    with site.restarted_with("auth", JWT_SECRET_SINCE="2020-01-01"):
        yield
    today = datetime.now(UTC).date().isoformat()
    with site.restarted_with("auth", JWT_SECRET_SINCE=today):
        site.prometheus.wait_silent(["SecretOld"])
