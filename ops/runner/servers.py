"""RabbitMQ, PostgreSQL, MongoDB and the mail catcher of `make run`, as far as nothing else offers them."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common import trust
from ops.engines import Engine, EngineError, LoginRefused, MailCatcher, MongoDB, PostgreSQL, RabbitMQ
from ops.engines.ports import LOOPBACK, answers, is_loopback
from ops.runner.console import Console
from ops.runner.journal import RUN, Journal
from ops.runner.refusal import CannotRun

MANAGEMENT_PORT = 15672
READY_SECONDS = 90.0
RESTART_SECONDS = 5.0


@dataclass(frozen=True)
class Server:
    """Where a server is expected, and the private one that can take its place."""

    title: str
    variables: str
    addresses: list[tuple[str, int]]
    private: Engine
    speaks_tls: bool = False
    """Whether it is to speak TLS; the private one can't."""

    @property
    def place(self) -> str:
        """The configured address, as people write it."""
        return ", ".join(f"{host}:{port}" for host, port in self.addresses)


class Servers:
    """Starts what is missing, and stops what it has started."""

    def __init__(
        self,
        config: dict[str, Any],
        local: Path,
        console: Console,
        with_mails: bool = True,
        journal: Journal | None = None,
    ) -> None:
        self._config, self._local, self._console = config, local, console
        self._with_mails, self._journal = with_mails, journal or Journal()
        self.started: list[Engine] = []
        self.rabbitmq: RabbitMQ | None = None
        self.catcher: MailCatcher | None = None
        self._mail_port = 0
        self._restarted: dict[Engine, float] = {}

    def start(self) -> None:
        """Starts what is missing side by side and waits until each can be used."""
        missing = [server for server in self._servers() if self._is_missing(server)]
        for server in missing:
            self._start(server)
        for engine in self.started:
            self._wait_ready(engine)

    def restart_dead(self) -> None:
        """Starts a server again that has ended by itself, not more often than every few seconds."""
        for engine in self.started:
            due = self._restarted.get(engine, 0.0) + RESTART_SECONDS
            if engine.pid is None and time.monotonic() > due:
                self._restarted[engine] = time.monotonic()
                self._console.say(f"{engine.name} has ended; it is started again")
                self._journal.tell(RUN, "server_ended", server=engine.name)
                try:
                    engine.start()
                except EngineError as error:
                    self._console.say(str(error))
                    self._journal.tell(RUN, "server_not_started", server=engine.name, error=str(error))

    def stop(self) -> None:
        """Stops all side by side: what used them has ended, and none of them uses another."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(lambda engine: engine.stop(), self.started))
        self.started = []

    def hurry(self) -> None:
        """Cuts the time that the servers are given to end."""
        for engine in self.started:
            engine.stop_grace = 0.0

    @property
    def environment(self) -> dict[str, str]:
        """What the services must know of the servers."""
        found: dict[str, str] = {}
        if self.rabbitmq:
            found["RABBITMQ_MANAGEMENT_URL"] = self.rabbitmq.management_url
        if self._mail_port:
            tls = "none" if self.catcher else self._config["MAIL"]["tls"] or "none"
            found |= {"SMTP_HOST": LOOPBACK, "SMTP_PORT": str(self._mail_port), "SMTP_TLS": tls}
        return found

    def _is_missing(self, server: Server) -> bool:
        """A server that a killed run left behind is ours, and is started anew."""
        if server.private.stop_leftover():
            self._console.say(f"{server.title}: one that an earlier run left behind was stopped")
        if any(answers(host, port) for host, port in server.addresses):
            self._console.say(f"{server.title}: answers at {server.place}, used as it is")
            return False
        if len(server.addresses) > 1 or server.speaks_tls or not is_loopback(server.addresses[0][0]):
            raise CannotRun(
                f"{server.title} does not answer at {server.place}: start it, or correct {server.variables}."
            )
        return True

    def _start(self, server: Server) -> None:
        self._console.say(
            f"{server.title}: starting on {server.place}, data in {self._name_of(server.private)}"
        )
        self.started.append(server.private)
        self._note(server.private)
        try:
            server.private.start()
        except EngineError as error:
            raise CannotRun(str(error)) from error

    def _note(self, engine: Engine) -> None:
        if isinstance(engine, RabbitMQ):
            self.rabbitmq = engine
            _check_page(self._config["RABBITMQ_MANAGEMENT_URL"])
            _check_free(engine.management_port, "RabbitMQ's management page", "RABBITMQ_MANAGEMENT_URL")
        if isinstance(engine, MailCatcher):
            self.catcher = engine
            _check_free(engine.http_port, "the mails' page", "MAILCATCHER_HTTP_PORT")

    def _wait_ready(self, engine: Engine) -> None:
        try:
            engine.wait_ready(READY_SECONDS)
        except LoginRefused as error:
            raise CannotRun(
                f"{error}: the data in {self._name_of(engine)} was made with another login. "
                "Set that one again, or drop the data with 'make reset'."
            ) from error
        except EngineError as error:
            raise CannotRun(str(error)) from error

    def _name_of(self, engine: Engine) -> str:
        return str(engine.directory.relative_to(self._local.parent))

    def _servers(self) -> list[Server]:
        makers: list[Callable[[], Server]] = [self._rabbitmq, self._postgresql, self._mongodb]
        mail = self._config["MAIL"]
        if self._with_mails and not mail["host"] and not mail["service"]:
            makers.append(self._mailcatcher)
        return [make() for make in makers]

    def _rabbitmq(self) -> Server:
        address = urlsplit(self._config["AMQP_URI"])
        management_port = _management_port(self._config["RABBITMQ_MANAGEMENT_URL"])
        engine = RabbitMQ.from_uri(self._local / "rabbitmq", self._config["AMQP_URI"], management_port)
        place = [(address.hostname or LOOPBACK, engine.port)]
        return Server("RabbitMQ", "RABBITMQ_URL", place, engine, trust.wants_rabbitmq(self._config))

    def _postgresql(self) -> Server:
        settings = self._config["POSTGRES"]
        host, port = settings["host"], settings["port"]
        engine = PostgreSQL(
            self._local / "postgresql", port, settings["username"], settings["password"], settings["database"]
        )
        speaks_tls = trust.wants_postgresql(self._config)
        return Server("PostgreSQL", "DB_HOST and DB_PORT", [(host, port)], engine, speaks_tls)

    def _mongodb(self) -> Server:
        hosts = urlsplit(self._config["MONGODB_URI"]).netloc.rpartition("@")[2].split(",")
        parts = [host.partition(":") for host in hosts]
        addresses = [(host, int(port) if port.isdecimal() else 27017) for host, _, port in parts]
        engine = MongoDB(self._local / "mongodb", addresses[0][1])
        return Server("MongoDB", "MONGODB_URI", addresses, engine, trust.wants_mongodb(self._config))

    def _mailcatcher(self) -> Server:
        self._mail_port = smtp_port = self._smtp_port()
        http_port = _port_from("MAILCATCHER_HTTP_PORT", "8025")
        engine = MailCatcher(self._local / "mail", smtp_port, http_port)
        return Server("Mail catcher", "MAILCATCHER_SMTP_PORT", [(LOOPBACK, smtp_port)], engine)

    def _smtp_port(self) -> int:
        """Without a host, SMTP_PORT is a port of this machine's, at which the catcher may be as well."""
        given, of_catcher = self._config["MAIL"]["port"], os.environ.get("MAILCATCHER_SMTP_PORT")
        if given and of_catcher and given != of_catcher:
            raise CannotRun(
                f"SMTP_PORT is {given} and MAILCATCHER_SMTP_PORT {of_catcher}: set one of them, or SMTP_HOST "
                "for a mail server elsewhere."
            )
        if given:
            return _checked_port("SMTP_PORT", given)
        return _port_from("MAILCATCHER_SMTP_PORT", "1025")


def _management_port(url: str) -> int:
    """The port of the private RabbitMQ's management page: as set, or the first free one."""
    if not url:
        return _next_free_port(MANAGEMENT_PORT)
    address = urlsplit(url)
    return address.port or 80


def _check_page(url: str) -> None:
    """Refuses a management page that is elsewhere than the broker, which is started here."""
    address = urlsplit(url)
    if url and (address.scheme != "http" or not is_loopback(address.hostname or "")):
        raise CannotRun(
            f"RabbitMQ does not answer at RABBITMQ_URL and would be started here, without a page at {url}: "
            "start yours, or take RABBITMQ_MANAGEMENT_URL out."
        )


def _check_free(port: int, what: str, variable: str) -> None:
    if answers(LOOPBACK, port):
        raise CannotRun(
            f"Port {port} for {what} is in use: stop what listens there, or set {variable} to another."
        )


def _port_from(variable: str, default: str) -> int:
    return _checked_port(variable, os.environ.get(variable) or default)


def _checked_port(variable: str, value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise CannotRun(f"{variable} is {value!r}: it must be a port number.")
    return int(value)


def _next_free_port(first: int) -> int:
    return next(port for port in range(first, 65536) if not answers(LOOPBACK, port))
