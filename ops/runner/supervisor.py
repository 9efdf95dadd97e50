"""Runs the service processes: shows their output, restarts what dies, stops them in the end."""

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

from honcho.colour import get_colours
from honcho.printer import Message
from honcho.process import Process

from ops.runner.backoff import RestartDelay
from ops.runner.console import Console
from ops.runner.instances import Instance
from ops.runner.journal import Journal, Keep
from ops.runner.refusal import CannotRun

ROOT = Path(__file__).resolve().parents[2]
EX_CONFIG = 78
STOP_SECONDS = 25.0
FIRST_TO_STOP = "gateway"
DRAIN_SECONDS = 12.0
"""How long the others go on for the gateways' last requests: more than RPC_DEADLINE as it is shipped."""


def serve_command(service: str) -> list[str]:
    """The command that runs a service."""
    return [sys.executable, "-m", "ops.serve", service]


@dataclass
class Child:
    """A process, or the place of one that waits for its restart."""

    instance: Instance
    colour: str
    delay: RestartDelay = field(default_factory=RestartDelay)
    running: bool = False
    pid: int | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    told: signal.Signals | None = None
    last_line: str = ""


class Supervisor:
    """The service processes of one run."""

    def __init__(
        self,
        console: Console,
        instances: list[Instance],
        environment: dict[str, str],
        command: Callable[[str], list[str]] = serve_command,
        keep: Keep = lambda name, line: None,
        journal: Journal | None = None,
    ) -> None:
        colours: Iterator[str] = get_colours()
        self._children = {one.name: Child(one, next(colours)) for one in instances}
        self._console, self._environment, self._command = console, environment, command
        self._keep, self._journal = keep, journal or Journal()
        self._events: Queue[Message] = Queue()
        self._stopping = False
        console.align(list(self._children))

    def start(self) -> None:
        """Starts every process."""
        for child in self._children.values():
            self._launch(child)

    def pump(self, timeout: float) -> None:
        """Shows what the processes wrote and restarts those that are due; waits for news at most so long."""
        for child in self._children.values():
            if child.restart_at and time.monotonic() >= child.restart_at and not self._stopping:
                self._launch(child)
        try:
            self._handle(self._events.get(timeout=timeout))
            while True:
                self._handle(self._events.get_nowait())
        except Empty:
            return

    def stop(self, hurried: Callable[[], bool]) -> None:
        """First the gateways, whose requests need the others, then those; kills what is late or hurried."""
        self._stopping = True
        gateways = [child for child in self._running() if child.instance.service == FIRST_TO_STOP]
        self._tell(gateways, signal.SIGTERM)
        self._wait_for_end_of(gateways, DRAIN_SECONDS, hurried)
        self._tell([child for child in self._running() if not child.told], signal.SIGTERM)
        self._wait_for_end_of(list(self._children.values()), STOP_SECONDS, hurried)
        if self._running():
            names = [child.instance.name for child in self._running()]
            self._console.say(f"Killed: {', '.join(names)}")
            for name in names:
                self._journal.tell(name, "process_killed", after_seconds=STOP_SECONDS)
            self._tell(self._running(), signal.SIGKILL)
        while self._running():
            self.pump(0.1)

    def _wait_for_end_of(self, children: list[Child], seconds: float, hurried: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while any(child.running for child in children) and time.monotonic() < deadline and not hurried():
            self.pump(0.1)

    def _launch(self, child: Child) -> None:
        """The kernel kills the process with this one: an orderly end needs the servers, which go too."""
        command = ["setpriv", "--pdeathsig", "KILL", *self._command(child.instance.service)]
        process = Process(
            f"exec {shlex.join(command)}",
            name=child.instance.name,
            colour=child.colour,
            env=self._environment | child.instance.environment,
            cwd=str(ROOT),
        )
        child.running, child.pid, child.restart_at, child.started_at = True, None, None, time.monotonic()
        threading.Thread(target=process.run, args=(self._events,), daemon=True).start()

    def _handle(self, message: Message) -> None:
        child = self._children[message.name]
        if message.type == "line":
            line = message.data.decode(errors="replace").rstrip("\n")
            child.last_line = line.strip() or child.last_line
            self._keep(message.name, line)
            self._console.show(message)
        elif message.type == "start":
            child.pid = message.data["pid"]
            if child.told:
                _signal(child, child.told)
        elif message.type == "stop":
            child.running, child.pid = False, None
            self._ended(child, message.data["returncode"])

    def _ended(self, child: Child, code: int) -> None:
        if self._stopping:
            return
        name = child.instance.name
        if code == EX_CONFIG:
            raise CannotRun(f"{name}: {child.last_line}")
        delay = child.delay.after(time.monotonic() - child.started_at)
        child.restart_at = time.monotonic() + delay
        self._console.say(f"{name} {_describe(code)}; it is started again in {delay:g} s")
        ended = {"signal": signal.Signals(-code).name} if code < 0 else {"exit_code": code}
        self._journal.tell(name, "process_ended", **ended, again_in_seconds=delay, last_line=child.last_line)

    def _running(self) -> list[Child]:
        return [child for child in self._children.values() if child.running]

    def _tell(self, children: list[Child], signum: signal.Signals) -> None:
        """One whose process has not come up yet is told as soon as it has."""
        for child in children:
            child.told = signum
            _signal(child, signum)


def _signal(child: Child, signum: signal.Signals) -> None:
    """A process leads its own group; when killed, what it has started goes with it."""
    if child.pid is None:
        return
    try:
        os.killpg(child.pid, signum) if signum == signal.SIGKILL else os.kill(child.pid, signum)
    except ProcessLookupError:
        return


def _describe(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
