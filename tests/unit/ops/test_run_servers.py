"""Which servers `make run` starts itself: none in the place of one that is to speak TLS."""

import json
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
