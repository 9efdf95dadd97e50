"""What a service's start does not spend time on."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

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
