"""``make logs``: the lines that `make run` keeps in ``.local/log``, of all processes in the order of time.

``SERVICE=todos`` (or ``todos.2``), ``LEVEL=warning`` and above, ``REQUEST=<id>``, ``SINCE=15m`` (or a time)
leave out the rest. Lines in both formats are read; a traceback belongs to the line above it.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path

from common import clock
from ops.runner.instances import SERVICES
from ops.runner.journal import RUN

DIRECTORY = Path(__file__).resolve().parents[1] / ".local" / "log"
LEVELS = ("debug", "info", "warning", "error", "critical")
NAMES = (*SERVICES, RUN)
_CONSOLE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) \[(\w+) *\] ")
_OTHERS = ("install", "rabbitmq")


class BadFilter(Exception):
    """A filter that can't be understood, in one line that names it."""


@dataclass
class Line:
    """A line of the log, with those that belong to it."""

    at: str
    level: str
    text: str


@dataclass(frozen=True)
class Filter:
    """What is wanted; an empty part leaves nothing out."""

    service: str = ""
    level: str = ""
    request: str = ""
    since: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str], now: datetime) -> "Filter":
        """As the variables have it; BadFilter for what means nothing."""
        level = given.get("LEVEL", "").lower()
        if level and level not in LEVELS:
            raise BadFilter(f"LEVEL is {level!r}: write one of {', '.join(LEVELS)}.")
        since = _since(given.get("SINCE", ""), now)
        service = given.get("SERVICE", "")
        if service and service.partition(".")[0] not in NAMES:
            raise BadFilter(f"SERVICE is {service!r}: write one of {', '.join(NAMES)}, or todos.2.")
        return cls(service, level, given.get("REQUEST", ""), since)

    def has_file(self, name: str) -> bool:
        """Whether the lines of this instance are wanted."""
        return name not in _OTHERS and self.service in ("", name, name.partition(".")[0])

    def has(self, line: Line) -> bool:
        """Whether a line is wanted."""
        if self.level and (line.level not in LEVELS or LEVELS.index(line.level) < LEVELS.index(self.level)):
            return False
        if self.request and not re.search(rf"(?<![\w.:-]){re.escape(self.request)}(?![\w.:-])", line.text):
            return False
        return line.at >= self.since


def read(lines: Iterable[str]) -> Iterator[Line]:
    """The lines of one file; what has no time of its own belongs to the one before."""
    found: Line | None = None
    for text in lines:
        begun = _begin(text.rstrip("\n"))
        if begun is None and found is not None:
            found.text += "\n" + text.rstrip("\n")
            continue
        if found is not None:
            yield found
        found = begun or Line("", "", text.rstrip("\n"))
    if found is not None:
        yield found


def wanted(directory: Path, which: Filter) -> Iterator[str]:
    """What is asked for, of all files in the order of time, behind the name of its process."""
    names = sorted({path.name.split(".log")[0] for path in directory.glob("*.log*")})
    files = [_lines(directory, name, which) for name in names if which.has_file(name)]
    width = max((len(name) for name in names if which.has_file(name)), default=0)
    for _, name, text in merge(*files, key=lambda one: one[0]):
        yield f"{name:<{width}} | {text}"


def main() -> int:
    """Print them; the exit code."""
    try:
        which = Filter.of(os.environ, datetime.now(UTC))
    except BadFilter as problem:
        print(problem, file=sys.stderr)
        return 2
    if not any(which.has_file(path.name.split(".log")[0]) for path in DIRECTORY.glob("*.log*")):
        print(f"No such lines in {DIRECTORY}: they are kept by `make run`.", file=sys.stderr)
        return 1
    try:
        for text in wanted(DIRECTORY, which):
            print(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _lines(directory: Path, name: str, which: Filter) -> Iterator[tuple[str, str, str]]:
    for path in (directory / f"{name}.log.1", directory / f"{name}.log"):
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from ((one.at, name, one.text) for one in read(file) if which.has(one))


def _begin(text: str) -> Line | None:
    if text.startswith("{"):
        try:
            event = json.loads(text)
            return Line(str(event["timestamp"]), str(event["level"]), text)
        except (ValueError, KeyError):
            return None
    match = _CONSOLE.match(text)
    return Line(match[1], match[2], text) if match else None


def _since(text: str, now: datetime) -> str:
    if not text:
        return ""
    try:
        return _second(now - clock.parse_duration(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadFilter(f"SINCE is {text!r}: write 15m, 2h, 1d or 2026-11-22T13:45.") from None
    return _second(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _second(moment: datetime) -> str:
    return str(clock.to_text(moment))[:19]


if __name__ == "__main__":
    sys.exit(main())
