"""The six processes as `make run` starts them, on free ports, against the tests' own servers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ops.engines.ports import free_port
from ops.runner.instances import Instance
from tests.preloaded import Service

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("users", "auth", "todos", "messaging", "notifications", "gateway")
ADMIN = {"email": "admin@example.com", "password": "the administrator's password"}


class Suite:
    """Starts, kills and restarts processes; `settings` are environment variables for all of them."""

    def __init__(self, directory: Path, settings: dict[str, str]) -> None:
        self.directory = directory
        self.ports = {name: free_port() for name in SERVICES}
        own = {f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        own |= {"PORT": str(self.ports["gateway"]), "HTTP_HOST": "127.0.0.1", "LOG_FORMAT": "json"}
        self.environment = {**os.environ, **own, "PYTHONPATH": str(ROOT), **settings}
        self.processes: dict[str, Service | subprocess.Popen[bytes]] = {}
        self.roots: dict[str, Path] = {}
        """The checkouts of processes that run another version than this one."""

    @property
    def url(self) -> str:
        """The gateway."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def url_of(self, service: str) -> str:
        """A process's own HTTP port."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def start(self, *names: str) -> None:
        """Start these services, or all; `todos.2` is a second instance of one."""
        for name in names or SERVICES:
            service, _, number = name.partition(".")
            environment = self.environment | Instance(service, int(number or 1)).environment
            if name in self.roots:
                self.processes[name] = self._start_from(self.roots[name], service, environment, name)
            else:
                self.processes[name] = Service(service, environment, self.log_file(name))

    def _start_from(
        self, root: Path, service: str, environment: dict[str, str], name: str
    ) -> subprocess.Popen[bytes]:
        command, paths = [sys.executable, "-m", "ops.serve", service], {"PYTHONPATH": str(root)}
        with open(self.log_file(name), "ab") as output:
            return subprocess.Popen(command, cwd=root, env=environment | paths, stdout=output, stderr=output)

    def wait_ready(self, seconds: float = 60) -> None:
        """Until the gateway says that everything works; the logs' ends if it never does."""
        end = time.monotonic() + seconds
        while not self.is_ready():
            dead = [name for name, one in self.processes.items() if one.poll() is not None]
            if dead or time.monotonic() > end:
                raise AssertionError(f"not ready; ended: {dead}\n{self.logs(40)}")
            time.sleep(0.2)

    def is_ready(self) -> bool:
        """Whether `GET /health/ready` answers 200."""
        try:
            return requests.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def signal(self, service: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to one process; after SIGKILL it is gone."""
        self.processes[service].send_signal(number)
        if number == signal.SIGKILL:
            self.processes[service].wait()

    def restart(self, service: str) -> None:
        """Start a service again that was killed."""
        self.start(service)
        self.wait_ready()

    def stop(self) -> dict[str, int]:
        """Tell all to stop, and how they ended."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            return {name: process.wait(30) for name, process in self.processes.items()}
        finally:
            for process in self.processes.values():
                process.kill()

    def log_file(self, service: str) -> Path:
        """Where a service's output goes."""
        return self.directory / f"{service}.log"

    def logs(self, lines: int = 1_000_000) -> str:
        """The last lines of each service's output."""
        parts: list[str] = []
        for name in self.processes:
            tail = self.log_file(name).read_text(errors="replace").splitlines()[-lines:]
            parts += [f"--- {name}", *tail]
        return "\n".join(parts)


@contextmanager
def running(directory: Path, settings: dict[str, str]) -> Iterator[Suite]:
    """All six processes, ready, and stopped at the end."""
    suite = Suite(directory, settings)
    suite.start()
    try:
        suite.wait_ready()
        yield suite
    finally:
        suite.stop()


def settings_for(rabbitmq_uri: str, postgresql: Any, mongodb: Any, mailcatcher: Any) -> dict[str, str]:
    """The variables that lead the suite to the tests' servers."""
    return {
        "RABBITMQ_URL": rabbitmq_uri, "MONGODB_URI": mongodb.uri,
        "DB_HOST": "127.0.0.1", "DB_PORT": str(postgresql.port), "DB_USERNAME": "postgres",
        "DB_PASSWORD": "postgres", "DB_NAME": "users_db",
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mailcatcher.port), "SMTP_TLS": "none",
        "JWT_SECRET": "a secret that is long enough for these tests 0123456789", "BCRYPT_ROUNDS": "4",
        "ADMIN_EMAIL": ADMIN["email"], "ADMIN_PASSWORD": ADMIN["password"], "RETRY_BASE_SECONDS": "0.2",
    }  # fmt: skip
