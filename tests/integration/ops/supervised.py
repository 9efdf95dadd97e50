"""Runs the supervisor with shell commands as its services; a driver for test_supervisor.py.

python supervised.py 'auth=exit 3' 'todos=sleep 60'
"""

import os
import shlex
import sys

from ops.runner.console import Console
from ops.runner.instances import Instance
from ops.runner.refusal import CannotRun
from ops.runner.signals import StopSignals
from ops.runner.supervisor import Supervisor


def main() -> None:
    commands = dict(argument.split("=", 1) for argument in sys.argv[1:])
    console, signals = Console(), StopSignals()
    supervisor = Supervisor(
        console,
        [Instance(name) for name in commands],
        dict(os.environ),
        lambda service: ["bash", "-c", commands[service]],
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
