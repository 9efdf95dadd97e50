"""What a service's start does not spend time on."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ops import mail_settings
from ops.runner.supervisor import EX_CONFIG

ROOT = Path(__file__).resolve().parents[3]
COSTLY = ("pkg_resources", "dns", "eventlet.support.greendns")
START = f"""
import sys
import ops.serve, gateway.service, socket
from common import config, lookups
config.load()
lookups.use_threads()
print(*[name for name in {COSTLY} if name in sys.modules])
print(socket.getaddrinfo.__module__, socket.create_connection.__globals__["getaddrinfo"].__module__)
from nameko.cli.main import setup_parser
setup_parser().parse_args(["--version"])
"""


def test_a_start_imports_neither_a_list_of_all_packages_nor_a_second_resolver() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "EVENTLET_NO_GREENDNS"}
    command = [sys.executable, "-W", "ignore", "-c", START]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["", "common.lookups common.lookups", version("nameko")]


REFUSAL = """
import ops.serve
from nameko.extensions import DependencyProvider
from common import config
from common.storage import StorageUnavailable

class Store(DependencyProvider):
    def setup(self):
        ops.serve.eventlet.sleep(0)
        raise StorageUnavailable("no database: check DB_HOST")

class Refusing:
    name = "refusing"
    store, other = Store(), Store()

ops.serve.import_service = lambda path: [Refusing]
print(ops.serve.serve("refusing", config.load()))
"""


def test_what_keeps_a_service_from_starting_is_told_in_one_line() -> None:
    command = [sys.executable, "-W", "ignore", "-c", REFUSAL]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stderr.splitlines() == ["Can't start: no database: check DB_HOST"]
    assert told.stdout.splitlines() == ["1"]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"EMAIL_SERVICE": "nope"}, "EMAIL_SERVICE=nope is not known"),
        ({"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "abc"}, "SMTP_PORT=abc is not a port"),
    ],
)
def test_a_wrong_setting_of_mail_is_found_before_anything_starts(wrong: dict[str, str], line: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "ops.serve", "notifications"]
    told = subprocess.run(
        command, cwd=ROOT, env=os.environ | wrong, capture_output=True, text=True, timeout=30, check=False
    )
    assert (told.returncode, told.stdout) == (EX_CONFIG, "")
    assert told.stderr.startswith(line)
    assert len(told.stderr.splitlines()) == 1


def test_of_what_the_run_starts_itself_the_rest_of_the_settings_of_mail_has_to_be_right(
    config: dict[str, Any],
) -> None:
    def told(**mail: str) -> list[str]:
        return mail_settings.problems_of_run(config | {"ENV": "production", "MAIL": config["MAIL"] | mail})

    usual = {"host": "", "service": "", "user": "", "password": ""}
    assert told(**usual) == []
    assert told(**usual | {"password": "sesame"}) == ["EMAIL_USER must be set where EMAIL_PASS is"]
    assert "EMAIL_SERVICE" in told(**usual | {"service": "nope"})[0]
