"""CPU seconds and memory of processes, from Linux's process table."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from ops.engines.process_table import descendants

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
QUIET_SHARE, QUIET_WINDOW = 0.12, 0.5


def seconds(pids: Iterable[int]) -> float:
    """The CPU seconds, user and system, that these processes and what descends from them have used."""
    family = {one for pid in pids for one in (pid, *descendants(pid))}
    return sum(seconds_in(stat) for stat in map(_read, family))


def seconds_in(stat: str) -> float:
    """The CPU seconds in a line of ``/proc/<pid>/stat``, with those of children that have ended."""
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def resident_mib(pid: int) -> float:
    """A process's resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIB / 1024


def share(pids: Iterable[int], window: float) -> float:
    """How much of one core these processes use over so many seconds."""
    family, began, before = list(pids), time.monotonic(), seconds(pids)
    time.sleep(window)
    return (seconds(family) - before) / (time.monotonic() - began)


def wait_quiet(pids: Iterable[int], at_most: float = 120.0) -> float:
    """Wait until these processes have nothing to do any more; how many seconds that took."""
    family, began = list(pids), time.monotonic()
    while share(family, QUIET_WINDOW) > QUIET_SHARE:
        if time.monotonic() - began > at_most:
            raise TimeoutError(f"still at work {at_most:.0f} s after the load has ended")
    return time.monotonic() - began


def _read(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
