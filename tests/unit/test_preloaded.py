"""Services that tests start without importing them again are processes like those that `make run` starts."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.engines.process_table import is_alive
from ops.serve import EX_CONFIG
from tests.conftest import SECRET
from tests.preloaded import ROOT, Service

NO_BROKER = {"RABBITMQ_URL": "amqp://nobody:nothing@127.0.0.1:1/", "PORT": "0", "JWT_SECRET": SECRET}
STARTED_BY_ANOTHER = f"""
import eventlet; eventlet.monkey_patch()
import sys, time; from pathlib import Path
from tests.preloaded import Service
print(Service("gateway", {NO_BROKER}, Path(sys.argv[1])).pid, flush=True); time.sleep(60)
"""


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Service]:
    """A gateway that waits for its broker, and stops when it is told to."""
    gateway = Service("gateway", NO_BROKER, tmp_path / "log")
    until(lambda: handles(gateway.pid, signal.SIGTERM))
    yield gateway
    gateway.kill()
    assert gateway.wait(5) is not None


def handles(pid: int, number: int) -> bool:
    (caught,) = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) >> (number - 1) & 1)


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["BCRYPT_ROUNDS", "GATEWAY_WORKERS"])
def test_a_wrong_setting_ends_a_start_and_only_that_one(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_BODY_BYTES", "many")  # that of the tests is not that of a service
    service = Service("gateway", {name: "many"}, tmp_path / "log")

    assert service.wait(20) == EX_CONFIG
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith(f"{name} is 'many'")
    assert service.poll() == EX_CONFIG


def test_it_ends_in_order_when_it_is_told_to(waiting: Service) -> None:
    assert waiting.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.05)
    waiting.terminate()
    assert waiting.wait(5) == 0
    waiting.send_signal(signal.SIGTERM)  # to nobody


def test_it_is_in_the_session_and_the_group_of_who_started_it_and_dies_of_a_signal(waiting: Service) -> None:
    assert os.getsid(waiting.pid) == os.getsid(0)
    assert os.getpgid(waiting.pid) == os.getpgrp()
    waiting.kill()
    assert waiting.wait(5) == -signal.SIGKILL
    assert not is_alive(waiting.pid)


def test_it_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", STARTED_BY_ANOTHER, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        assert is_alive(pid)
        starter.kill()
    until(lambda: not is_alive(pid))
