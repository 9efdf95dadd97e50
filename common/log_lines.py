"""How a line of the log looks: JSON for machines, columns with colours for people.

Written out, since two lines of it are part of every request: structlog's renderers and the standard library's
records took a seventh of a request's time for the same text.
"""

import json
import os
import traceback
from collections.abc import Mapping
from typing import Any

import orjson

_CYAN, _MAGENTA, _BLUE, _DIM, _BOLD, _RESET = (
    "\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[2m", "\x1b[1m", "\x1b[0m",
)  # fmt: skip
_LEVELS = {
    "critical": "\x1b[1;41m", "error": "\x1b[31m", "warning": "\x1b[33m", "info": "\x1b[32m",
    "debug": "\x1b[34m",
}  # fmt: skip
_FIRST = frozenset(("timestamp", "level", "service", "event", "exception"))


class Json:
    """One object a line; what JSON does not know is written as text."""

    def __call__(self, event: Mapping[str, Any]) -> str:
        """The line."""
        try:
            return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # a lone surrogate, a number of more than 64 bits
            return json.dumps({str(key): value for key, value in event.items()}, default=str)


class Console:
    """Time, level, service, what happened, and the rest by name; plain with ``NO_COLOR``."""

    def __init__(self) -> None:
        self._colours = not os.environ.get("NO_COLOR")
        self._key = f" {self._in(_CYAN, '{}')}="
        self._keys: dict[str, str] = {}

    def __call__(self, event: Mapping[str, Any]) -> str:
        """The line; a traceback stands below it."""
        level = event["level"]
        parts = [
            self._in(_DIM, event["timestamp"]), f" [{self._in(_LEVELS.get(level, ''), f'{level:<9}')}] ",
            self._in(_BLUE, f"{event['service']:<13}"), " ", self._in(_BOLD, f"{_short(event['event']):<22}"),
        ]  # fmt: skip
        for key in sorted(event.keys() - _FIRST):
            parts.append(self._keys.get(key) or self._remember(key))
            parts.append(self._in(_MAGENTA, _short(event[key])))
        if "exception" in event:
            parts.append(f"\n{event['exception']}")
        return "".join(parts)

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours else text

    def _remember(self, key: str) -> str:
        shown = self._key.format(_short(key))
        if len(self._keys) < 1000:
            self._keys[key] = shown
        return shown


def exception_text(exc_info: Any) -> str:
    """The traceback of an ``exc_info``: an exception, a triple, or True for the current one."""
    if isinstance(exc_info, BaseException):
        return "".join(traceback.format_exception(exc_info)).rstrip()
    if isinstance(exc_info, tuple):
        return "".join(traceback.format_exception(*exc_info)).rstrip()
    return traceback.format_exc().rstrip()


def _short(value: object) -> str:
    plain = isinstance(value, str) and value.isprintable() and value and " " not in value
    return str(value) if plain else repr(value)
