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
Shape = list[tuple[str, str, str]]
"""Of each name that follows the first ones, in their order: it, and what stands around its value."""
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
        self._shapes: dict[tuple[str, ...], Shape] = {}

    def __call__(self, event: Mapping[str, Any]) -> str:
        """The line; a traceback stands below it."""
        names = tuple(event)
        shape = self._shapes.get(names) or self._remember(names)
        parts = [self._beginning(event)]
        for name, key, end in shape:
            value = event[name]
            parts += (key, value if type(value) is str and _is_plain(value) else _short(value), end)
        if "exception" in event:
            parts.append(f"\n{event['exception']}")
        return "".join(parts)

    def _beginning(self, event: Mapping[str, Any]) -> str:
        level = event["level"]
        parts = (
            self._in(_DIM, event["timestamp"]), f" [{self._in(_LEVELS.get(level, ''), f'{level:<9}')}] ",
            self._in(_BLUE, f"{event['service']:<13}"), " ", self._in(_BOLD, f"{_short(event['event']):<22}"),
        )  # fmt: skip
        return "".join(parts)

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours else text

    def _remember(self, names: tuple[str, ...]) -> Shape:
        # What stands around a value is the same on every line with these names.
        colour, end = (_MAGENTA, _RESET) if self._colours else ("", "")
        others = sorted({*names} - _FIRST)
        shape = [(name, f" {self._in(_CYAN, _short(name))}={colour}", end) for name in others]
        if len(self._shapes) < 1000:
            self._shapes[names] = shape
        return shape


def exception_text(exc_info: Any) -> str:
    """The traceback of an ``exc_info``: an exception, a triple, or True for the current one."""
    if isinstance(exc_info, BaseException):
        return "".join(traceback.format_exception(exc_info)).rstrip()
    if isinstance(exc_info, tuple):
        return "".join(traceback.format_exception(*exc_info)).rstrip()
    return traceback.format_exc().rstrip()


def _short(value: object) -> str:
    return value if isinstance(value, str) and _is_plain(value) else repr(value)


def _is_plain(text: str) -> bool:
    return bool(text) and " " not in text and text.isprintable()
