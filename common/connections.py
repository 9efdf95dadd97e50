"""All connections of a process: how many, how long each may take, and their end.

A look each second at every connection's deadline costs a request nothing, where a timer for each of its
steps would. What a deadline ends is what a client does: sending its headers, sending a body, taking its
answer, or nothing at all.
"""

import resource
import time
from dataclasses import dataclass
from typing import Any, Protocol

import eventlet

from common import pace
from common.logging import get_logger

log = get_logger()
_LAST_CALL_SECONDS = 2.0
_SPARE_FILES = 128
"""Descriptors that are left to everything but clients: the broker, databases, logs."""


@dataclass(frozen=True)
class Limits:
    """What one connection, and all of them, may take; in seconds where it is a time."""

    most: int
    head: float
    body: float
    idle: float
    requests: int
    answer: float = 120

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Limits":
        """As ``HTTP`` of the configuration has them."""
        return cls(
            _at_most_files(int(settings["max_connections"])),
            float(settings["head_seconds"]),
            float(settings["body_seconds"]),
            float(settings["idle_seconds"]),
            int(settings["requests_per_connection"]),
        )


class Watched(Protocol):
    """A connection as it is seen from here."""

    deadline: float
    has_begun: bool

    def expire(self, now: float) -> None:
        """Its time is over."""

    def leave(self) -> None:
        """Read nothing more from it; what has arrived is answered."""


class Connections:
    """Those that are open; ``waiting`` has those whose next request is not complete, longest wait first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.count = 0
        self.open: set[Watched] = set()
        self.waiting: dict[Watched, None] = {}

    def make_room(self) -> bool:
        """Whether one more may be opened; one that waits is closed for it where that is needed."""
        if self.count < self.limits.most:
            return True
        longest = next(iter(self.waiting), None)
        if longest is None:
            return False
        del self.waiting[longest]
        longest.leave()
        return True

    def watch(self) -> None:
        """End what takes too long, until the process ends."""
        while True:
            pace.sleep_until_next(1)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> None:
        """End what should have come to an end by ``now``."""
        for late in [one for one in self.open if one.deadline < now]:
            late.expire(now)

    def drain(self, seconds: float) -> None:
        """Wait until all have their answers; clients that send nothing are told to go."""
        now = time.monotonic()
        end, last_call = now + seconds, now + _LAST_CALL_SECONDS
        while self.count and now < end:
            if now > last_call:
                self._leave_idle()
            eventlet.sleep(0.02)
            now = time.monotonic()

    def _leave_idle(self) -> None:
        for one in [one for one in self.waiting if not one.has_begun]:
            del self.waiting[one]
            one.leave()


def _at_most_files(wanted: int) -> int:
    """As many as are wanted, or as the system's limit on open files allows, which is raised for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    log.warning("open_files_limited", files=soft, max_connections=wanted)
    return max(1, soft - _SPARE_FILES)
