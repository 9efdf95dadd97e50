"""The services that tests start: forked from one process that has imported them, as Android's zygote does it.

A start of ``python -m ops.serve`` spends half of its processor time on the same imports again, and
``make test`` has some two hundred starts. So each pytest process has one other process, which imports the
services once, forks for each start, and ends when pytest does.

What stays real: a started service is a process of its own, in pytest's session and process group like any
child, with its own environment, output and hub, and runs ``ops.serve.main`` to its exit code. What does not:
it has the modules of all services, and the command line of this module. Where the start itself is tested, as
``make run`` is and the version before, a service begins with an interpreter.
"""

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_ASK_AGAIN_SECONDS = 0.01
_IN_CHILD = "in the child"


class Service:
    """A started service, with what tests use of a ``subprocess.Popen``."""

    def __init__(self, name: str, environment: dict[str, str], output: Path) -> None:
        self.args = ["ops.serve", name]
        self.returncode: int | None = None
        self.pid: int = _parent().ask("start", name, environment, str(output))

    def poll(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""
        if self.returncode is None:
            self.returncode = _parent().ask("poll", self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended; other green threads run meanwhile."""
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            time.sleep(_ASK_AGAIN_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        """Send it, unless the process has ended."""
        if self.poll() is None:
            _parent().ask("signal", self.pid, int(number))

    def terminate(self) -> None:
        """Tell it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class _Parent:
    """The process that forks, as pytest sees it: a line to it, a line back."""

    def __init__(self) -> None:
        # Unpatched, since asking for the state of a process must not switch green threads.
        processes: Any = import_module("eventlet.patcher").original("subprocess")
        command, pipe = [sys.executable, "-W", "ignore:Using fork", "-m", __name__], subprocess.PIPE
        self._process = processes.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def ask(self, *request: Any) -> Any:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that forks has ended"
        return json.loads(answer)

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)


@cache
def _parent() -> _Parent:
    parent = _Parent()
    atexit.register(parent.end)
    return parent


def main() -> int:
    """Answer requests until there are no more; in a child, the exit code of the service."""
    serve = import_module("ops.serve")  # before eventlet, as it is with a process of its own
    for path in serve.SERVICES.values():
        import_module(path.partition(":")[0])
    gc.collect()
    gc.freeze()  # what no collection writes to stays shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, whose end ends this process
    children = _Children()
    for line in sys.stdin:
        kind, *given = json.loads(line)
        answer = getattr(children, kind)(*given)
        if answer == _IN_CHILD:
            return int(serve.main(given[:1]))
        print(json.dumps(answer), flush=True)
    children.end()
    return 0


class _Children:
    """What can be asked of the process that forks."""

    def __init__(self) -> None:
        self._pids: set[int] = set()

    def start(self, name: str, environment: dict[str, str], output: str) -> int | str:
        with open(output, "ab") as log, open(os.devnull, "rb") as nothing:
            if pid := os.fork():
                self._pids.add(pid)
                return pid
            for number, file in enumerate((nothing, log, log)):
                os.dup2(file.fileno(), number)
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import_module("eventlet.hubs").use_hub()  # all would wait at the same file descriptor
        return _IN_CHILD

    def poll(self, pid: int) -> int | None:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            return None
        self._pids.discard(pid)
        return os.waitstatus_to_exitcode(status)

    def signal(self, pid: int, number: int) -> None:
        os.kill(pid, number)  # nobody else has its number, as long as it is not asked how it ended

    def end(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
