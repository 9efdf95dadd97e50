"""A server as a child process: its own session, log and pid file, and a clean end."""

import os
import signal
import subprocess
import time
from pathlib import Path

from ops.engines.process_table import descendants, is_alive, send, wait_until_gone, working_directory

LOG_TAIL_LINES = 15
GONE_SECONDS = 10.0


class EngineError(RuntimeError):
    """A server that did not start, or did not become ready in time."""


class LoginRefused(EngineError):
    """A server whose kept data knows another user or password."""


class Engine:
    """What the servers have in common; a subclass says how to start and to probe one."""

    name = "engine"
    stop_signal = signal.SIGTERM
    stop_grace = 20.0

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory.resolve()
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """Where the server's output goes."""
        return self.directory / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Names the process that uses the directory."""
        return self.directory / f"{self.name}.pid"

    @property
    def pid(self) -> int | None:
        """The running server's process id."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Starts the server and returns at once; wait_ready() tells when it can be used."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self._process = self._spawn(self.command(), self.environment())
        self.pid_file.write_text(str(self._process.pid))

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Returns when the server can be used, raises EngineError if it can't in time."""
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if self.pid is None:
                raise EngineError(f"{self.name} ended at its start; its log ends:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise EngineError(
                    f"{self.name} is not ready after {timeout:g} s; its log ends:\n{self.log_tail()}"
                )
            time.sleep(0.1)
        self.finish_setup()

    def stop(self) -> None:
        """Lets the server end cleanly, and kills it after a grace."""
        family = self._family()
        if self._process and self.pid:
            send([self._process.pid], self.stop_signal)
            self._await_exit()
        self._end(family)

    def kill(self) -> None:
        """Ends the server at once, as a crash would."""
        self._end(self._family())

    def restart(self, timeout: float = 60.0) -> None:
        """Stops the server, starts it on the same data and waits until it is ready."""
        self.stop()
        self.start()
        self.wait_ready(timeout)

    def stop_leftover(self) -> bool:
        """Stops a server that a killed parent left on this directory; tells if there was one."""
        pid = int(self.pid_file.read_text() or 0) if self.pid_file.exists() else 0
        if not is_alive(pid) or not working_directory(pid).is_relative_to(self.directory):
            return False
        family = [pid, *descendants(pid)]
        send([pid], self.stop_signal)
        wait_until_gone(family, self.stop_grace)
        send(family, signal.SIGKILL)
        wait_until_gone(family, GONE_SECONDS)
        return True

    def log_tail(self) -> str:
        """The last lines that the server wrote."""
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:])

    def prepare(self) -> None:
        """What must be in the directory before the server starts."""

    def finish_setup(self) -> None:
        """What is done once the server is ready."""

    def command(self) -> list[str]:
        """The server's command line."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """The server's environment."""
        return dict(os.environ)

    def is_ready(self) -> bool:
        """Whether the server can be used now."""
        raise NotImplementedError

    def _spawn(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """The kernel ends the child with its parent: no server outlives a killed `make run`."""
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", self.stop_signal.name.removeprefix("SIG"), *command],
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _family(self) -> list[int]:
        return [self._process.pid, *descendants(self._process.pid)] if self._process else []

    def _end(self, family: list[int]) -> None:
        """Children may outlive their server for a moment and hold its port and memory."""
        send(family, signal.SIGKILL)
        if self._process:
            self._process.wait(GONE_SECONDS)
            self._process = None
        wait_until_gone(family, GONE_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def _await_exit(self) -> None:
        """Looks at the grace again and again: it may be cut while this waits."""
        began = time.monotonic()
        while self.pid and time.monotonic() - began < self.stop_grace:
            time.sleep(0.02)
