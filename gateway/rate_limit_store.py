"""Where calls are counted: in this process, or in a server that several gateways share.

The library's own store in memory looks through all its keys a hundred times a second (40 ms for 100,000 of
them, in which nothing else runs) and has no bound, so the counts in memory are kept here.
"""

import contextlib
import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Any, Protocol

import eventlet
from eventlet.semaphore import Semaphore
from limits.storage import Storage, storage_from_string

from common import metrics
from common.config import BadSetting
from common.logging import get_logger

log = get_logger()
MOST_WINDOWS = 100_000
PATIENCE_SECONDS = 0.5
PAUSE_SECONDS = 2.0
_MILLISECONDS = int(PATIENCE_SECONDS * 1000)
_MONGODB: dict[str, Any] = {
    "database_name": "rate_limits",
    "serverSelectionTimeoutMS": _MILLISECONDS,
    "connectTimeoutMS": _MILLISECONDS,
    "socketTimeoutMS": _MILLISECONDS,
}


@dataclass(frozen=True, slots=True)
class Usage:
    """How often something was counted in its present window, and in how many seconds that ends."""

    count: int
    seconds_left: float


class Counters(Protocol):
    """Counts in windows that begin with the first count and end ``seconds`` later."""

    def add(self, key: str, seconds: int) -> Usage | None:
        """Count once; None if the store does not answer."""

    def take_back(self, key: str, seconds: int) -> None:
        """Undo one count."""


@dataclass(slots=True)
class Window:
    """A key's present count, or just its end."""

    ends: float
    count: int = 0


class Windows:
    """The present windows by key; at most so many of each length, of which the oldest goes first."""

    def __init__(self, most: int = MOST_WINDOWS) -> None:
        self._most = most
        self._of_length: dict[int, OrderedDict[str, Window]] = defaultdict(OrderedDict)

    def __len__(self) -> int:
        return sum(len(windows) for windows in self._of_length.values())

    def find(self, key: str, seconds: int, now: float) -> Window | None:
        """The key's window, if it has not ended."""
        window = self._of_length[seconds].get(key)
        return window if window is not None and window.ends > now else None

    def begin(self, key: str, seconds: int, now: float, ends: float) -> Window:
        """A new window for the key; those that have ended go."""
        windows = self._of_length[seconds]
        windows.pop(key, None)
        # All are of one length, so the first to have begun is the first to end.
        while windows and (len(windows) >= self._most or next(iter(windows.values())).ends <= now):
            windows.popitem(last=False)
        window = windows[key] = Window(ends)
        return window


class MemoryCounters:
    """Counts in this process alone."""

    def __init__(self) -> None:
        self.windows = Windows()

    def add(self, key: str, seconds: int) -> Usage:
        """Count once."""
        now = time.monotonic()
        window = self.windows.find(key, seconds, now) or self.windows.begin(key, seconds, now, now + seconds)
        window.count += 1
        return Usage(window.count, window.ends - now)

    def take_back(self, key: str, seconds: int) -> None:
        """Undo one count."""
        window = self.windows.find(key, seconds, time.monotonic())
        if window is not None:
            window.count -= 1


class SharedCounters:
    """Counts in MongoDB or Redis. While the server is down or silent, calls pass uncounted.

    Who asks waits half a second at most; after that nobody does for two seconds.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._storage: Storage | None = None
        self._connecting = Semaphore(1)
        self._ends = Windows()
        self._paused_until = 0.0
        self._is_down = False

    def add(self, key: str, seconds: int) -> Usage | None:
        """Count once; None if the store does not answer."""
        count = self._ask("incr", key, seconds)
        if count is None:
            return None
        now = time.time()
        window = self._ends.find(key, seconds, now)
        # The end of a window does not change: another gateway may have begun it, so it is asked for once.
        if window is None or count == 1:
            ends = now + seconds if count == 1 else self._ask("get_expiry", key)
            window = self._ends.begin(key, seconds, now, ends or now + seconds)
        return Usage(count, min(max(window.ends - now, 0), seconds))

    def take_back(self, key: str, seconds: int) -> None:
        """Undo one count."""
        self._ask("incr", key, seconds, -1)

    def connect(self) -> None:
        """Open the connection before the first caller needs it."""
        self._ask("check")

    def _ask(self, method: str, *arguments: Any) -> Any:
        if time.monotonic() < self._paused_until:
            metrics.RATE_LIMIT_UNCHECKED.inc()
            return None
        if self._is_down:
            self._paused_until = time.monotonic() + PAUSE_SECONDS  # one tries, the others need not wait
        try:
            # Not as an OSError: the drivers would take that for the network's, and try again.
            with eventlet.Timeout(PATIENCE_SECONDS):
                answer = getattr(self._connected(), method)(*arguments)
        except (Exception, eventlet.Timeout) as problem:
            self._tell_down(problem)
            return None
        self._tell_up()
        return answer

    def _connected(self) -> Storage:
        with self._connecting:
            if self._storage is None:
                storage = make_storage(self._uri)
                try:
                    storage.get("")  # makes MongoDB's indexes; one that failed would never try again
                except BaseException:
                    eventlet.spawn_n(_close, storage)  # MongoDB's client says goodbye, to nobody
                    raise
                self._storage = storage
        return self._storage

    def _tell_down(self, problem: BaseException) -> None:
        metrics.RATE_LIMIT_UNCHECKED.inc()
        self._paused_until = time.monotonic() + PAUSE_SECONDS
        if not self._is_down:
            self._is_down = True
            log.error("rate_limit_store_down", error=f"{type(problem).__name__}: {problem}"[:300])

    def _tell_up(self) -> None:
        self._paused_until = 0.0
        if self._is_down:
            self._is_down = False
            log.info("rate_limit_store_up")


def make_storage(uri: str) -> Storage:
    """The library's store at this address; nothing is asked of it yet."""
    storage = storage_from_string(uri, **(_MONGODB if uri.startswith("mongodb") else {}))
    if not isinstance(storage, Storage):
        raise BadSetting(f"RATE_LIMIT_STORAGE_URI: {uri.partition(':')[0]} is no store for this.")
    return storage


def make_counters(uri: str) -> Counters:
    """Counters in the store that ``RATE_LIMIT_STORAGE_URI`` names, in memory if it names none."""
    if uri in ("", "memory://"):
        return MemoryCounters()
    shared = SharedCounters(uri)
    eventlet.spawn(shared.connect)
    return shared


def _close(storage: Any) -> None:
    with contextlib.suppress(Exception):
        storage.storage.close()
