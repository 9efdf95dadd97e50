"""What goes wrong meanwhile, and the process manager that puts it right."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import eventlet

from tests.suite import SERVICES, Suite


class Trouble:
    """Kills processes and restarts servers at random moments; dead processes are started again."""

    def __init__(self, suite: Suite, kills_each: int, restarts: Sequence[Any], seconds: float) -> None:
        self.suite = suite
        self.seconds = seconds
        killed = [lambda name=name: suite.signal(name) for name in SERVICES for _ in range(kills_each)]
        self.steps: list[Callable[[], None]] = [*killed, *(server.restart for server in restarts)]
        random.shuffle(self.steps)
        self.done = 0

    def run(self) -> None:
        """Do all of it, spread over the time."""
        pause = self.seconds / len(self.steps)
        for step in self.steps:
            eventlet.sleep(random.uniform(0.5, 1.5) * pause)
            step()
            self.done += 1

    def keep_running(self) -> None:
        """Start what has died, as a process manager does; runs until it is killed."""
        while True:
            for name, process in list(self.suite.processes.items()):
                if process.poll() is not None:
                    self.suite.start(name)
            eventlet.sleep(0.3)
