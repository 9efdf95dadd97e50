"""The supervisor with shell commands in the place of services."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import MappingProxyType

import pytest

from ops.engines.process_table import descendants, is_alive, wait_until_gone
from ops.logs import Filter, wanted

ROOT = Path(__file__).resolve().parents[3]
DRIVER = Path(__file__).with_name("supervised.py")
POLITE = "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.05; done"
STUBBORN = "trap 'echo no' TERM; echo up; while true; do sleep 0.05; done"


class Supervised:
    """A running driver and what it has written so far."""

    def __init__(self, output, commands, limits):
        self.output = output
        arguments = [
            sys.executable,
            str(DRIVER),
            *(f"{name}={command}" for name, command in commands.items()),
        ]
        self.kept = output.with_name("kept")
        environment = dict(os.environ) | {"PYTHONPATH": str(ROOT), "KEPT_LINES": str(self.kept)} | limits
        with output.open("wb") as target:
            self.process = subprocess.Popen(arguments, stdout=target, stderr=target, env=environment)

    def text(self):
        return self.output.read_text()

    def wait_for(self, text, times=1, timeout=15):
        deadline = time.monotonic() + timeout
        while self.text().count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} is not in:\n{self.text()}"
            time.sleep(0.05)

    def signal(self, signum):
        self.process.send_signal(signum)

    def family(self):
        return descendants(self.process.pid)


@pytest.fixture
def supervise(tmp_path):
    started = []

    def start(limits=MappingProxyType({}), **commands):
        started.append(Supervised(tmp_path / "output", commands, dict(limits)))
        return started[-1]

    yield start
    for one in started:
        family = one.family()
        one.process.kill()
        one.process.wait()
        wait_until_gone(family, 5)


def test_every_line_carries_its_process_and_the_prefixes_are_equally_wide(supervise):
    run = supervise(auth=POLITE, notifications=POLITE)
    run.wait_for("up", times=2)
    assert " auth          | up" in run.text()
    assert " notifications | up" in run.text()


def test_a_service_that_dies_is_started_again_with_growing_delays(supervise):
    run = supervise(todos="exit 3", auth=POLITE)
    run.wait_for("todos ended with exit code 3; it is started again in 0.5 s")
    run.wait_for("started again in 1 s")
    run.wait_for("started again in 2 s")
    assert run.text().count(" auth  | up") == 1


def test_a_service_that_is_killed_is_named_with_the_signal(supervise):
    run = supervise(todos="kill -9 $$")
    run.wait_for("todos was ended by SIGKILL; it is started again")


def test_the_end_of_a_process_stands_among_its_own_lines(supervise):
    run = supervise(auth="kill -9 $$", todos="echo Too late; exit 3")
    run.wait_for("auth was ended by SIGKILL; it is started again in 1 s")
    run.wait_for("todos ended with exit code 3; it is started again in 1 s")

    def ends(service):
        shown = wanted(run.kept, Filter(service=service, level="warning"))
        found = [json.loads(text.partition(" | ")[2].splitlines()[0]) for text in shown]
        return [one for one in found if one["event"] == "process_ended"]

    first, second = ends("auth")[:2]
    assert (first["service"], first["signal"], first["again_in_seconds"]) == ("auth", "SIGKILL", 0.5)
    assert second["again_in_seconds"] == 1
    assert (ends("todos")[0]["exit_code"], ends("todos")[0]["last_line"]) == (3, "Too late")


def test_a_wrong_setting_ends_the_run_with_the_services_own_line(supervise):
    run = supervise(auth="sleep 1; echo JWT_SECRET is too short; exit 78", todos=POLITE)
    run.wait_for("stopped auth todos")
    assert "refused: auth: JWT_SECRET is too short" in run.text()
    assert " todos | bye" in run.text()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops_all_services_in_order(supervise, signum):
    run = supervise(auth=POLITE, todos=POLITE)
    run.wait_for("up", times=2)
    family = run.family()
    run.signal(signum)
    assert run.process.wait(10) == 0
    assert run.text().count("bye") == 2
    assert [pid for pid in family if is_alive(pid)] == []


def test_a_second_signal_kills_what_has_not_ended(supervise):
    run = supervise(auth=STUBBORN, todos=POLITE)
    run.wait_for("up", times=2)
    family = run.family()
    run.signal(signal.SIGINT)
    run.wait_for("no")
    run.wait_for("bye")
    assert run.process.poll() is None
    run.signal(signal.SIGINT)
    assert run.process.wait(10) == 0
    assert "Killed: auth" in run.text()
    assert wait_until_gone(family, 5) == []


def test_services_go_on_until_the_last_gateway_has_ended(supervise):
    slowly = "trap 'sleep 0.5; echo drained; exit 0' TERM; echo up; while true; do sleep 0.05; done"
    run = supervise(auth=POLITE, gateway=slowly, todos=POLITE)
    run.wait_for("up", times=3)
    run.signal(signal.SIGTERM)
    assert run.process.wait(10) == 0
    ends = [line for line in run.text().splitlines() if line.endswith(("bye", "drained"))]
    assert [line.rpartition("| ")[2] for line in ends] == ["drained", "bye", "bye"]


def test_a_gateway_that_does_not_end_holds_the_services_for_a_bounded_time(supervise):
    run = supervise({"DRAIN_SECONDS": "1", "STOP_SECONDS": "1"}, auth=POLITE, gateway=STUBBORN)
    run.wait_for("up", times=2)
    run.signal(signal.SIGTERM)
    assert run.process.wait(10) == 0
    told, ended, killed = (run.text().index(text) for text in ("| no", "| bye", "Killed: gateway\n"))
    assert told < ended < killed


def test_a_second_signal_ends_the_services_that_wait_for_a_gateway(supervise):
    run = supervise(auth=POLITE, gateway=STUBBORN)
    run.wait_for("up", times=2)
    family = run.family()
    run.signal(signal.SIGINT)
    run.wait_for("no")
    assert "bye" not in run.text()
    run.signal(signal.SIGINT)
    assert run.process.wait(5) == 0
    assert "Killed: auth, gateway" in run.text()
    assert wait_until_gone(family, 5) == []


def test_services_end_with_a_supervisor_that_was_killed(supervise):
    run = supervise(auth=POLITE, todos=POLITE)
    run.wait_for("up", times=2)
    family = run.family()
    run.signal(signal.SIGKILL)
    assert wait_until_gone(family, 10) == []


def test_lines_that_are_no_text_are_shown_as_well_as_can_be(supervise):
    run = supervise(auth=r"printf 'a\xff\xfeb\n'; sleep 60")
    run.wait_for(" auth | a")
