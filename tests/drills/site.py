"""What the drills break: the six processes, their servers, and the Prometheus that watches them."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import eventlet

from ops.engines import RabbitMQ
from ops.engines.ports import LOOPBACK, free_port
from tests.chaos.test_exactly_once import World
from tests.drills.prometheus import Prometheus
from tests.e2e.client import Client, new_email
from tests.integration.gateway.stores import Valkey
from tests.suite import SERVICES

# The limits hold, in a store of their own that can be stopped, but a drill is more than they let through.
LIMITS = {
    "RATE_LIMIT_ENABLED": "true", "LOGIN_FREE_GUESSES": "1000",
    "RATE_LIMIT_LOGIN": "100000/minute", "RATE_LIMIT_LOGIN_ADDRESS": "100000/minute",
    "RATE_LIMIT_REGISTER": "100000/minute", "RATE_LIMIT_REGISTER_ADDRESS": "100000/minute",
}  # fmt: skip


class WatchedRabbitMQ(RabbitMQ):
    """A broker that shows its metrics, as the plugin of RabbitMQ's image does."""

    used_plugins = ("rabbitmq_management", "rabbitmq_prometheus")

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.metrics_port = free_port()

    def prepare(self) -> None:
        """Say where."""
        super().prepare()
        with (self.directory / "rabbitmq.conf").open("a") as configuration:
            configuration.write(
                f"prometheus.tcp.ip = {LOOPBACK}\nprometheus.tcp.port = {self.metrics_port}\n"
            )


class Site(World):
    """The world of the chaos tests, with a store for the rate limits, watched."""

    broker = WatchedRabbitMQ

    def __init__(self, directory: Path) -> None:
        self.valkey = Valkey(directory / "valkey", free_port())
        self.prometheus = Prometheus(directory / "prometheus", free_port())
        self.valkey.start()
        self.valkey.wait_ready()
        super().__init__(directory, RATE_LIMIT_STORAGE_URI=self.valkey.uri, **LIMITS)
        self.prometheus.start()
        self.ask_processes()
        broker = {"__address__": f"{LOOPBACK}:{self.rabbitmq.metrics_port}"}
        self.prometheus.ask_these("rabbitmq", [broker])
        self.prometheus.wait_ready()

    def end(self) -> None:
        """Stop all of it."""
        self.prometheus.kill()
        super().end()
        self.valkey.kill()

    @cached_property
    def ada(self) -> Client:
        """A user with a few todos."""
        ada = Client(self.suite.url).register("Ada").login()
        for number in range(3):
            ada.todo(title=f"Number {number}")
        return ada

    def ask_processes(self, *more: dict[str, str]) -> None:
        """Let Prometheus ask the six processes, and these targets too."""
        self.prometheus.ask_these("suite", [*map(self.target, SERVICES), *more])

    def target(self, service: str) -> dict[str, str]:
        """A process as Prometheus' discovery by name finds it."""
        return {"__address__": f"{LOOPBACK}:{self.suite.ports[service]}", "__meta_dns_name": service}

    def message(self, recipient: str = "") -> dict[str, object]:
        """What asks for a mail."""
        context = {"title": "A drill", "message": "Nothing is wrong."}
        return {"template": "system_alert", "recipient": recipient or new_email(), "context": context}

    def send(self, messages: int = 1, recipient: str = "") -> None:
        """Ask for mails."""
        for _ in range(messages):
            answer = self.admin.post("/api/messages", self.message(recipient))
            assert answer.status_code == 202, answer.text

    @contextmanager
    def restarted_with(self, service: str, **settings: str) -> Iterator[None]:
        """A process started anew with other settings, and with its own again afterwards."""
        kept = self.suite.environment
        self.suite.environment = kept | settings
        try:
            self.restart(service)
            yield
        finally:
            self.suite.environment = kept
            self.restart(service)

    def restart(self, service: str) -> None:
        """Kill a process, if it lives, and start it again; until all works and it is scraped."""
        if self.suite.processes[service].poll() is None:
            self.suite.signal(service)
        began = time.time()
        self.suite.restart(service)
        self.until_scraped(service, began)

    def until_scraped(self, service: str, began: float) -> None:
        """Until Prometheus has seen the process that was started then."""
        started = f'process_start_time_seconds{{service="{service}"}}'
        # The process tells it by the machine's clock, to a hundredth of a second or so.
        self.until(lambda: self.prometheus.value(started) > began - 1)

    def port_of(self, name: str) -> int:
        """Where an instance listens that was left to choose, as its log says."""

        def told() -> list[int]:
            lines = self.suite.log_file(name).read_text().splitlines()
            found = [json.loads(line) for line in lines if '"http_listening"' in line]
            return [line["port"] for line in found]

        self.until(lambda: bool(told()))
        return told()[-1]

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something has come true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"it has not come true\n{self.suite.logs(10)}"
            eventlet.sleep(0.1)


def pid_of(site: Site, service: str) -> int:
    """The process id of a service."""
    return site.suite.processes[service].pid


def open_files(pid: int) -> int:
    """How many files a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
