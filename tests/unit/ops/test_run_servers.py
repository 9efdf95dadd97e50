"""Which servers `make run` starts itself: none in the place of one that is to speak TLS."""

import json
import socket
from pathlib import Path
from typing import Any, cast

import pytest

from ops.engines import Engine, EngineError
from ops.engines.ports import free_port
from ops.logs import Filter, wanted
from ops.runner.console import Console
from ops.runner.journal import Journal
from ops.runner.log_files import LogFiles
from ops.runner.refusal import CannotRun
from ops.runner.servers import Servers

ENGINES = ["rabbitmq", "postgresql", "mongodb"]


def is_started_here(config: dict[str, Any], engine: str, tmp_path: Path) -> bool:
    servers = Servers(config, tmp_path / ".local", Console())
    missing: bool = servers._is_missing(getattr(servers, f"_{engine}")())
    return missing


def addresses(query: str, scheme: str, sslmode: str) -> dict[str, Any]:
    port = free_port()
    return {
        "AMQP_URI": f"{scheme}://suite:sesame@127.0.0.1:{port}/",
        "MONGODB_URI": f"mongodb://127.0.0.1:{port}/{query}",
        "POSTGRES": {
            "host": "127.0.0.1", "port": port, "username": "u", "password": "p", "database": "d",
            "sslmode": sslmode,
        },
    }  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_that_is_missing_here_is_started(
    config: dict[str, Any], engine: str, tmp_path: Path
) -> None:
    assert is_started_here(config | addresses("", "amqp", "prefer"), engine, tmp_path)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_that_is_to_speak_tls_is_not(config: dict[str, Any], engine: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="start it, or correct"):
        is_started_here(config | addresses("?tls=true", "amqps", "verify-full"), engine, tmp_path)


def test_the_end_of_a_server_stands_in_the_log_that_the_run_keeps(
    config: dict[str, Any], tmp_path: Path
) -> None:
    class Gone:
        name, pid = "rabbitmq", None

        def start(self) -> None:
            raise EngineError("its port 5672 is in use")

    journal = Journal(LogFiles(tmp_path).keep, "json")
    servers = Servers(config, tmp_path / ".local", Console(), journal=journal)
    servers.started = cast("list[Engine]", [Gone()])
    servers.restart_dead()
    first, second = [text.partition(" | ")[2] for text in wanted(tmp_path, Filter())]
    assert {"event": "server_ended", "server": "rabbitmq", "level": "warning"}.items() <= json.loads(
        first
    ).items()
    assert json.loads(second)["error"] == "its port 5672 is in use"


def started(config: dict[str, Any], tmp_path: Path, **mail: str) -> Servers:
    """As after a start of the mail catcher and RabbitMQ, of which only the looking takes place."""
    servers = Servers(config | {"MAIL": config["MAIL"] | mail}, tmp_path / ".local", Console())
    servers._note(servers._rabbitmq().private)
    servers._note(servers._mailcatcher().private)
    return servers


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """No port of another run's is in the way."""
    monkeypatch.setenv("MAILCATCHER_HTTP_PORT", str(free_port()))
    monkeypatch.delenv("MAILCATCHER_SMTP_PORT", raising=False)


def test_mail_goes_to_the_port_that_is_set_without_a_host(
    config: dict[str, Any], tmp_path: Path, free: None
) -> None:
    servers = started(config, tmp_path, port="2525", tls="starttls")
    assert servers.catcher
    assert servers.catcher.port == 2525
    assert servers.environment["SMTP_PORT"] == "2525"
    assert servers.environment["SMTP_TLS"] == "none"


@pytest.mark.parametrize("port", ["mail", "0", "65536"])
def test_a_mail_port_that_is_none_is_refused(
    config: dict[str, Any], tmp_path: Path, free: None, port: str
) -> None:
    with pytest.raises(CannotRun, match="SMTP_PORT is"):
        started(config, tmp_path, port=port)


def test_two_ports_for_mail_are_refused(
    config: dict[str, Any], tmp_path: Path, free: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILCATCHER_SMTP_PORT", "1026")
    with pytest.raises(CannotRun, match="SMTP_PORT is 2525 and MAILCATCHER_SMTP_PORT 1026"):
        started(config, tmp_path, port="2525")


def test_the_page_of_a_broker_that_is_started_is_where_it_is_set(
    config: dict[str, Any], tmp_path: Path, free: None
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    servers = started(config | {"RABBITMQ_MANAGEMENT_URL": url}, tmp_path)
    assert servers.environment["RABBITMQ_MANAGEMENT_URL"] == url


@pytest.mark.parametrize("url", ["https://127.0.0.1:15671", "http://rabbitmq:15672"])
def test_a_broker_is_not_started_where_its_page_is_elsewhere(
    config: dict[str, Any], tmp_path: Path, free: None, url: str
) -> None:
    with pytest.raises(CannotRun, match="take RABBITMQ_MANAGEMENT_URL out"):
        started(config | {"RABBITMQ_MANAGEMENT_URL": url}, tmp_path)


def test_a_broker_is_not_started_where_the_port_of_its_page_is_taken(
    config: dict[str, Any], tmp_path: Path, free: None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"http://localhost:{other.getsockname()[1]}"
        with pytest.raises(CannotRun, match="set RABBITMQ_MANAGEMENT_URL to another"):
            started(config | {"RABBITMQ_MANAGEMENT_URL": url}, tmp_path)
