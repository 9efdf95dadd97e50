"""Runs the supervisor with shell commands as its services; a driver for test_supervisor.py.

python supervised.py 'auth=exit 3' 'todos=sleep 60'

DRAIN_SECONDS and STOP_SECONDS in the environment take the place of the supervisor's; KEPT_LINES is
the directory of what it keeps.
"""

import os
import shlex
import sys
from pathlib import Path

from ops.runner import supervisor as supervising
from ops.runner.console import Console
from ops.runner.instances import Instance
from ops.runner.journal import Journal
from ops.runner.log_files import LogFiles
from ops.runner.refusal import CannotRun
from ops.runner.signals import StopSignals
from ops.runner.supervisor import Supervisor


def main() -> None:
    commands = dict(argument.split("=", 1) for argument in sys.argv[1:])
    for limit in ("DRAIN_SECONDS", "STOP_SECONDS"):
        setattr(supervising, limit, float(os.environ.get(limit, getattr(supervising, limit))))
    console, signals = Console(), StopSignals()
    kept = LogFiles(Path(os.environ["KEPT_LINES"]))
    supervisor = Supervisor(
        console,
        [Instance(name) for name in commands],
        dict(os.environ),
        lambda service: ["bash", "-c", commands[service]],
        kept.keep,
        Journal(kept.keep, "json"),
    )
    try:
        supervisor.start()
        while True:
            supervisor.pump(0.1)
    except KeyboardInterrupt:
        console.say("stopping")
    except CannotRun as refusal:
        console.say(f"refused: {refusal}")
    supervisor.stop(signals.hurried)
    console.say(f"stopped {shlex.join(commands)}")


main()
