"""The two sides of a comparison as processes: the suite as `make run` starts it, and stock Nameko."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench import ports
from bench.engines import Engines
from bench.people import register
from ops.engines.ports import free_port
from ops.runner.instances import SERVICES, port_variable

ROOT = Path(__file__).resolve().parents[1]
SECRET = "a secret that is long enough for a benchmark 0123456789"
STOCK_SERVICES = ("users", "auth", "todos", "messaging", "gateway")
STOCK_CONFIG = ROOT / "bench" / "stock" / "config.yml"
READY_SECONDS = 90.0
# What would bend the figures if the shell had set it.
INHERITED = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "VIRTUAL_ENV"}


class Side:
    """Processes with a gateway in front, each in a session of its own, its output in a file of its own."""

    def __init__(
        self, name: str, directory: Path, port: int, commands: dict[str, list[str]], settings: dict[str, str]
    ) -> None:
        self.name, self.directory, self.port, self.commands = name, directory, port, commands
        kept = {key: value for key, value in os.environ.items() if key in INHERITED}
        self.environment = kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """The gateway."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [process.pid for process in self.processes.values()]

    def start(self) -> None:
        """Start all of them."""
        ports.expect(self.port, 0)
        self.directory.mkdir(parents=True, exist_ok=True)
        for service in self.commands:
            self.start_one(service)

    def start_one(self, service: str) -> None:
        """Start one; the kernel ends it with this process."""
        with (self.directory / f"{service}.log").open("ab") as output:
            self.processes[service] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.commands[service]],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def wait_ready(self) -> None:
        """Until somebody could register, which takes most of the processes."""
        end = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            if dead or time.monotonic() > end:
                raise RuntimeError(f"{self.name} is not ready; ended: {dead}\n{self.log_tails()}")
            time.sleep(0.2)
        ports.expect(self.port, 1)

    def stop_one(self, service: str) -> None:
        """Tell one to end, and wait for it."""
        process = self.processes.pop(service)
        process.terminate()
        try:
            process.wait(25)
        finally:
            process.kill()

    def stop(self) -> None:
        """End all at once: nothing is kept, and stock Nameko may take a minute to notice a signal."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.processes.clear()

    def log_tails(self) -> str:
        """The last lines of each process's output."""
        tails = {path.name: path.read_text(errors="replace")[-800:] for path in self.directory.glob("*.log")}
        return "\n".join(f"--- {name}\n{tail}" for name, tail in tails.items())

    def _is_ready(self) -> bool:
        try:
            register(self.url)
        except (requests.RequestException, AssertionError):
            return False
        return True


def nameko(config: Path) -> list[str]:
    """Nameko's own command line, up to the services."""
    return [sys.executable, "-m", "nameko", "run", "--config", str(config)]


@contextmanager
def running(*sides: Side) -> Iterator[None]:
    """The sides, started together, ready, and stopped at the end."""
    try:
        for side in sides:
            side.start()
        for side in sides:
            side.wait_ready()
        yield
    finally:
        for side in sides:
            side.stop()


def suite(engines: Engines, directory: Path, **settings: str) -> Side:
    """The suite with its settings as shipped, but for rate limits, which would stop the load."""
    own_ports = {name: free_port() for name in SERVICES}
    environment = {port_variable(name): str(port) for name, port in own_ports.items()} | {
        "HTTP_HOST": "127.0.0.1", "RABBITMQ_URL": engines.add_vhost("suite"),
        "RABBITMQ_MANAGEMENT_URL": engines.rabbitmq.management_url, "MONGODB_URI": engines.mongodb.uri,
        "DB_HOST": "127.0.0.1", "DB_PORT": str(engines.postgresql.port), "DB_USERNAME": "postgres",
        "DB_PASSWORD": "postgres", "DB_NAME": "users_db", "JWT_SECRET": SECRET,
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(engines.mailcatcher.port), "SMTP_TLS": "none",
        "RATE_LIMIT_ENABLED": "false", **settings,
    }  # fmt: skip
    commands = {name: [sys.executable, "-m", "ops.serve", name] for name in SERVICES}
    return Side("suite", directory, own_ports["gateway"], commands, environment)


def stock(engines: Engines, directory: Path, **settings: str) -> Side:
    """Stock Nameko, started by its own command line."""
    port, (before, _, after) = free_port(), engines.mongodb.uri.partition("?")
    environment = {
        "PORT": str(port), "AMQP_URI": engines.add_vhost("stock"), "MONGODB_URI": f"{before}stock?{after}",
        "DB_URI": engines.add_database("stock").replace("postgresql:", "postgresql+psycopg2:"),
        "JWT_SECRET": SECRET, **settings,
    }  # fmt: skip
    run = nameko(STOCK_CONFIG)
    commands = {name: [*run, f"bench.stock.{name}"] for name in STOCK_SERVICES}
    return Side("stock", directory, port, commands, environment)
