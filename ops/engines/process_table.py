"""What Linux's process table says of a process: is it alive, what descends from it."""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be collected does not."""
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z"


def working_directory(pid: int) -> Path:
    """The process's current folder; the root folder for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return Path("/")


def descendants(pid: int) -> list[int]:
    """The process's children, their children and so on."""
    parents = {int(entry): _parent(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()}
    found: list[int] = []
    frontier = {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier}
        found.extend(frontier)
    return found


def send(pids: Iterable[int], signum: signal.Signals) -> None:
    """Sends the signal to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue


def wait_until_gone(pids: Iterable[int], timeout: float) -> list[int]:
    """Waits for the processes to end; answers those that did not."""
    deadline = time.monotonic() + timeout
    alive = [pid for pid in pids if is_alive(pid)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.02)
        alive = [pid for pid in alive if is_alive(pid)]
    return alive


def _stat(pid: int) -> tuple[str, int] | None:
    """State and parent; the command name before them may itself hold parentheses."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def _parent(pid: int) -> int:
    stat = _stat(pid)
    return stat[1] if stat else 0
