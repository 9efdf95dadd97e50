"""A private RabbitMQ: node, port mapper and management page on the loopback interface."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import amqp
import requests

from ops.engines import plugins
from ops.engines.ports import LOOPBACK, answers, free_port, wait_for_answer
from ops.engines.process import Engine, EngineError, LoginRefused

GUEST = "guest"
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
NODE = "suite@localhost"
LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"
# Idle schedulers must not spin: the machine is shared with the services.
# And they look for Erlang's modules in a folder of these first; by its name, for a path may hold a space.
OWN_ARGUMENTS = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -pa modules"
STATISTICS_HANDLER = "gen_event delete_handler [rabbit_event,rabbit_mgmt_db_handler,[]]"
CONFIGURATION = """\
listeners.tcp.local = {host}:{port}
management.tcp.ip = {host}
management.tcp.port = {management_port}
default_user = {user}
default_pass = {password}
default_vhost = {vhost}
disk_free_limit.absolute = 200MB
collect_statistics_interval = {statistics_ms}
log.file.level = info
log.console = false
"""


class RabbitMQ(Engine):
    """A node with data, log and Erlang cookie in its directory, and a port mapper of its own."""

    name = "rabbitmq"
    stop_grace = 30.0
    used_plugins: tuple[str, ...] = ("rabbitmq_management",)

    def __init__(
        self,
        directory: Path,
        port: int,
        management_port: int,
        *,
        user: str = GUEST,
        password: str = GUEST,
        fast: bool = False,
    ) -> None:
        super().__init__(directory, port)
        self.management_port = management_port
        self.user, self.password, self.vhost = user, password, "/"
        self._statistics_ms = 1000 if fast else 5000
        self._port_mapper: subprocess.Popen[bytes] | None = None
        self._port_mapper_port = 0
        self._distribution_port = 0
        self._plugins = directory / "plugins"

    @classmethod
    def from_uri(cls, directory: Path, uri: str, management_port: int) -> Self:
        """A broker with the port, the login and the virtual host of an AMQP address."""
        address = urlsplit(uri)
        user, password = unquote(address.username or GUEST), unquote(address.password or GUEST)
        port = address.port or (5671 if address.scheme == "amqps" else 5672)
        broker = cls(directory, port, management_port, user=user, password=password)
        broker.vhost = unquote(address.path.removeprefix("/")) or "/"
        return broker

    @property
    def uri(self) -> str:
        """The broker's AMQP address."""
        return self.uri_of(self.vhost)

    def uri_of(self, vhost: str) -> str:
        """The AMQP address of one of the broker's virtual hosts."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"amqp://{login}@{LOOPBACK}:{self.port}/{'' if vhost == '/' else quote(vhost, safe='')}"

    @property
    def management_url(self) -> str:
        """The address of the management page and its HTTP API."""
        return f"http://{LOOPBACK}:{self.management_port}"

    @property
    def log_file(self) -> Path:
        """What the node logs once it is far enough to do so."""
        return self.directory / "log" / "rabbitmq.log"

    def prepare(self) -> None:
        """Writes the configuration and starts the port mapper that a node registers with."""
        if not (PROGRAMS / "rabbitmq-server").exists():
            raise EngineError("RabbitMQ is not installed: run ops/install.sh")
        (self.directory / "log").mkdir(exist_ok=True)
        (self.directory / "enabled_plugins").write_text(f"[{','.join(self.used_plugins)}].\n")
        plugins.offer(self._plugins, *self.used_plugins)
        plugins.offer_modules(self.directory / "modules")
        configuration = self.directory / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration())
        self._start_port_mapper()

    def command(self) -> list[str]:
        """Debian's own start script insists on the rabbitmq user; this one does not."""
        return [str(PROGRAMS / "rabbitmq-server")]

    def environment(self) -> dict[str, str]:
        """Everything of the node's is in the directory, nothing is read from /etc/rabbitmq."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("RABBITMQ_")}
        if self._plugins.exists():
            inherited["RABBITMQ_PLUGINS_DIR"] = str(self._plugins)
        return inherited | {
            "HOME": str(self.directory),
            "RUNNING_UNDER_SYSTEMD": "true",  # the start script becomes the node instead of watching it
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.directory / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_LOGS": str(self.log_file),
            "RABBITMQ_PID_FILE": str(self.directory / "node.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{OWN_ARGUMENTS} {LOOPBACK_ONLY} -start_epmd false",
            "RABBITMQ_CTL_ERL_ARGS": f"{LOOPBACK_ONLY} -start_epmd false",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._port_mapper_port),
            "ERL_CRASH_DUMP": str(self.directory / "log" / "erl_crash.dump"),
            "ERL_MAX_PORTS": "65536",
        }

    def is_ready(self) -> bool:
        """Whether a client can log in and the management page answers."""
        return (
            answers(LOOPBACK, self.port) and answers(LOOPBACK, self.management_port) and self._accepts_login()
        )

    def stop(self) -> None:
        """Lets the node end cleanly, without the five seconds that its management page would hang for."""
        if self.pid:
            self._remove_statistics_handler()
        super().stop()

    def add_vhost(self, name: str) -> str:
        """A new virtual host of the broker's user; its AMQP address."""
        self._manage("PUT", "vhosts", name)
        everything = dict.fromkeys(("configure", "write", "read"), ".*")
        self._manage("PUT", "permissions", name, self.user, json=everything)
        return self.uri_of(name)

    def delete_vhost(self, name: str) -> None:
        """Remove a virtual host and all that is in it."""
        self._manage("DELETE", "vhosts", name)

    def _manage(self, method: str, *path: str, json: Any = None) -> None:
        # A call of rabbitmqctl starts a machine of Erlang's and takes a second of CPU; this, milliseconds.
        address = "/".join((self.management_url, "api", *(quote(part, safe="") for part in path)))
        login = (self.user, self.password)
        answer = requests.request(method, address, auth=login, json=json, timeout=30)
        if not answer.ok:
            raise EngineError(f"RabbitMQ's management API: {method} {address}: {answer.status_code}")

    def ctl(self, *arguments: str, timeout: float = 60.0) -> str:
        """Runs rabbitmqctl against the node of this directory and answers what it prints."""
        if not self._port_mapper_port and self._port_mapper_file.exists():
            self._port_mapper_port = int(self._port_mapper_file.read_text())
        result = subprocess.run(
            [str(PROGRAMS / "rabbitmqctl"), "--quiet", "--node", NODE, *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if result.returncode != 0:
            raise EngineError(
                f"rabbitmqctl {' '.join(arguments)}: {(result.stderr or result.stdout).strip()}"
            )
        return result.stdout

    def evaluate(self, expression: str) -> str:
        """What Erlang's expression is in the node, in milliseconds: `rabbitmqctl eval` takes a second."""
        result = subprocess.run(
            ["timeout", "10", "erl_call", "-n", NODE, "-e"],
            env=self.environment(),
            input=f"{expression}.\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0 or not result.stdout.startswith("{ok, "):
            raise EngineError(f"RabbitMQ: {expression}: {(result.stderr or result.stdout).strip()}")
        return result.stdout.removeprefix("{ok, ").removesuffix("}")

    def _remove_statistics_handler(self) -> None:
        """At its end the handler asks Erlang's application controller, which itself waits for that end.

        Erlang gives up on the two after five seconds. Nothing else hangs on the handler, and a node that
        can't be asked ends all the same.
        """
        subprocess.run(
            ["timeout", "2", "erl_call", "-n", NODE, "-a", STATISTICS_HANDLER],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    def _configuration(self) -> str:
        return CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port,
            management_port=self.management_port,
            user=self.user,
            password=self.password,
            vhost=self.vhost,
            statistics_ms=self._statistics_ms,
        )

    def _start_port_mapper(self) -> None:
        """A node would start a shared one that stays behind when the node ends."""
        self._port_mapper_port, self._distribution_port = free_port(), free_port()
        command = ["epmd", "-address", LOOPBACK, "-port", str(self._port_mapper_port)]
        self._port_mapper = self._spawn(command, dict(os.environ))
        if not wait_for_answer(LOOPBACK, self._port_mapper_port, timeout=5.0):
            raise EngineError(f"Erlang's port mapper (epmd) does not start:\n{self.log_tail()}")
        self._port_mapper_file.write_text(str(self._port_mapper_port))

    @property
    def _port_mapper_file(self) -> Path:
        """Lets another process than the one that started the node run rabbitmqctl."""
        return self.directory / "epmd.port"

    def _accepts_login(self) -> bool:
        try:
            with amqp.Connection(
                host=f"{LOOPBACK}:{self.port}",
                userid=self.user,
                password=self.password,
                virtual_host=self.vhost,
                connect_timeout=2,
                read_timeout=5,
            ):
                return True
        except amqp.exceptions.AccessRefused as error:
            raise LoginRefused(f"RabbitMQ refuses the login of {self.user!r}") from error
        except (OSError, amqp.exceptions.AMQPError):
            return False

    def _end(self, family: list[int]) -> None:
        super()._end(family)
        if self._port_mapper:
            self._port_mapper.send_signal(signal.SIGKILL)
            self._port_mapper.wait()
            self._port_mapper = None
