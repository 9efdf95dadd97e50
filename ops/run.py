"""`make run`: starts the servers that are missing and the six services, and stops them again.

Everything stays in the foreground. Ctrl-C, SIGTERM or a closed terminal stop
the gateways first, then the services that answer them, then the servers.
"""

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from ops import mail_settings
from ops.engines.ports import LOOPBACK, free_port
from ops.engines.rabbitmq import GUEST
from ops.runner.console import Console
from ops.runner.instances import parse_scale
from ops.runner.journal import Journal
from ops.runner.log_files import LogFiles
from ops.runner.logins import check_logins
from ops.runner.preflight import check_ports, take_lock
from ops.runner.ready import ReadyWatch, ready_text
from ops.runner.refusal import CannotRun
from ops.runner.servers import Servers
from ops.runner.signals import StopSignals
from ops.runner.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ROOT / ".local"
READY_SECONDS = 60.0
EVERY_INTERFACE = ("0.0.0.0", "::", "")  # noqa: S104


class Run:
    """One run, from its checks to its end."""

    def __init__(self, console: Console, signals: StopSignals) -> None:
        self._console, self._signals = console, signals
        self._began = time.monotonic()
        self._servers: Servers | None = None
        self._supervisor: Supervisor | None = None

    def run(self) -> None:
        """Checks, starts, shows; a signal ends it, by an exception as a rule."""
        instances = parse_scale(os.environ.get("SCALE", ""))
        self._lock = take_lock(LOCAL / "run.lock")
        config = load_config()
        check_ports(config)
        kept = LogFiles(LOCAL / "log")
        journal = Journal(kept.keep, config["LOG_FORMAT"])
        self._servers = Servers(config, LOCAL, self._console, journal=journal)
        self._signals.hurry = self._servers.hurry
        self._servers.start()
        check_logins(config)
        self._console.say("Starting the services")
        environment = self._environment(config, self._servers)
        self._supervisor = Supervisor(self._console, instances, environment, keep=kept.keep, journal=journal)
        self._supervisor.start()
        self._wait_ready(config, self._supervisor)
        self._console.say(ready_text(time.monotonic() - self._began, addresses(config, self._servers)))
        while not self._signals.count:
            self._supervisor.pump(0.5)
            self._servers.restart_dead()

    def stop(self) -> None:
        """Gateways and services first, then what they use."""
        self._signals.stop_has_begun()
        if self._supervisor:
            self._console.say("Stopping the services")
            self._supervisor.stop(self._signals.hurried)
        if self._servers and self._servers.started:
            self._console.say("Stopping the servers")
            self._servers.stop()
            self._console.say("Stopped")

    def _wait_ready(self, config: dict[str, Any], supervisor: Supervisor) -> None:
        host = config["HTTP"]["host"]
        own = LOOPBACK if host in EVERY_INTERFACE else host
        watch = ReadyWatch(own, gateway_port(config), bool(config["HTTP"]["tls_cert"]))
        deadline = time.monotonic() + READY_SECONDS
        while not watch.is_ready:
            if time.monotonic() > deadline:
                raise CannotRun(f"The suite is not ready after {READY_SECONDS:.0f} s: {watch.last_answer}.")
            supervisor.pump(0.1)

    def _environment(self, config: dict[str, Any], servers: Servers) -> dict[str, str]:
        colours = {} if self._console.colours else {"NO_COLOR": "1"}
        fixed = {"PYTHONUNBUFFERED": "1", "PORT": str(gateway_port(config))}
        return dict(os.environ) | servers.environment | fixed | colours


def addresses(config: dict[str, Any], servers: Servers) -> dict[str, str]:
    """Where a person finds what runs."""
    scheme = "https" if config["HTTP"]["tls_cert"] else "http"
    gateway = f"{scheme}://localhost:{gateway_port(config)}"
    found = {"API": gateway, "Health": f"{gateway}/health"}
    if servers.catcher:
        found["Mails"] = servers.catcher.url
    if servers.rabbitmq:
        broker = servers.rabbitmq
        secret = GUEST if broker.password == GUEST else "the password of RABBITMQ_URL"
        found["RabbitMQ"] = f"{broker.management_url} ({broker.user} / {secret})"
    return found


def load_config() -> dict[str, Any]:
    """The settings, checked. Nameko's parser brings eventlet along, whose import prints a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from common import config as settings
    config = settings.load()
    problems = settings.validate(config) or mail_settings.problems_of_run(config)
    if problems:
        raise CannotRun("\n".join(problems))
    if config["HTTP"]["ports"]["gateway"] == 0:
        config["HTTP"]["ports"]["gateway"] = free_port()
    return config


def gateway_port(config: dict[str, Any]) -> int:
    """The port of the gateways."""
    return int(config["HTTP"]["ports"]["gateway"])


def main() -> int:
    """Runs the suite until it is told to stop; the exit code."""
    os.chdir(ROOT)
    console, code = Console(), 0
    run = Run(console, StopSignals())
    try:
        run.run()
    except KeyboardInterrupt:
        console.say("")
    except (CannotRun, OSError) as refusal:
        console.error(str(refusal))
        code = 1
    finally:
        run.stop()
    return code


if __name__ == "__main__":
    sys.exit(main())
