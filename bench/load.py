"""Load from wrk, which runs beside the servers and costs them little."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk.lua")
ANSWER_SECONDS = 30
"""A slow answer counts with its time; only a missing one is an error."""


class LoadFailed(RuntimeError):
    """Not every request was answered with 2xx: its figures say nothing."""


@dataclass(frozen=True)
class Request:
    """What is asked again and again; ``bodies`` are POSTed in turn, without any it is a GET.

    With ``in_turn`` (paths and tokens) one after the other is what is asked, by one user after the other.
    """

    url: str
    token: str = ""
    bodies: tuple[str, ...] = ()
    in_turn: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answers:
    """What came back."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """The throughput."""
        return self.requests / self.seconds


class Load:
    """So many clients that ask without pause, for some seconds; it runs from the moment it is made."""

    def __init__(self, request: Request, clients: int, seconds: float) -> None:
        self._process = subprocess.Popen(
            command(request, clients, seconds),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._at_most = seconds + ANSWER_SECONDS

    def finish(self) -> Answers:
        """Wait for its end; LoadFailed if a single request was not answered with 2xx."""
        try:
            output, _ = self._process.communicate(timeout=self._at_most)
        except BaseException:
            self._process.kill()
            raise
        return read(output)


def command(request: Request, clients: int, seconds: float) -> Sequence[str]:
    """wrk's command line."""
    login = ["-H", f"Authorization: Bearer {request.token}"] if request.token else []
    turns = [f"GET {path} {token}" for path, token in request.in_turn]
    return [
        *("wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", f"{ANSWER_SECONDS}s"),
        *("-s", str(SCRIPT), *login, request.url, "--", *(turns or request.bodies)),
    ]


def read(output: str) -> Answers:
    """The figures in wrk's output: the last line that is JSON."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise LoadFailed(f"wrk has measured nothing:\n{output.strip()}")
    found = json.loads(lines[-1])
    if found["refused"] or found["broken"] or not found["requests"]:
        raise LoadFailed(
            f"{found['requests']} requests, {found['refused']} refused, {found['broken']} not answered"
        )
    return Answers(found["requests"], found["seconds"], found["p50_ms"], found["p99_ms"])
