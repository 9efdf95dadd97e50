"""One formatter for structlog and the standard library, set up from ``LOGGING`` in ``config.yml``.

Log with a static event name and data as keywords: ``log.info("mail_sent", message_id=...)``. What
belongs to every line of a request (request id, call id, entrypoint) is bound once per worker and
added here; so are service and instance. Secrets are masked at any depth.
"""

import logging
import os
import socket
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import structlog
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter, LogLevelColumnFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from common.redact import redact

_CYAN, _MAGENTA, _BLUE, _DIM, _BOLD, _RESET = (
    "\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[2m", "\x1b[1m", "\x1b[0m",
)  # fmt: skip
_LEVELS = {
    "critical": "\x1b[1;41m", "exception": "\x1b[31m", "error": "\x1b[31m", "warn": "\x1b[33m",
    "warning": "\x1b[33m", "info": "\x1b[32m", "debug": "\x1b[34m", "notset": "",
}  # fmt: skip
_ids: ContextVar[Mapping[str, Any]] = ContextVar("ids", default=MappingProxyType({}))  # one for all of them
_origin = {"service": "-", "instance": f"{socket.gethostname()}:{os.getpid()}"}


def get_logger() -> Any:
    """A logger; the service's name and the worker's context are added when a line is written."""
    return structlog.stdlib.get_logger("suite")


def identify(service: str) -> None:
    """Name the service that this process runs: it stands on every line from now on."""
    _origin["service"] = service


def instance() -> str:
    """``host:pid``, which tells one instance of a service from another."""
    return _origin["instance"]


def bind_ids(ids: dict[str, Any]) -> None:
    """Put these on every line that this green thread logs from now on, in place of what was there."""
    _ids.set(ids)


def _add_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {**_ids.get(), **event}


def _add_origin(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in _origin.items():
        event.setdefault(key, value)
    return event


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    masked: EventDict = redact(event)
    return masked


def _drop_unbound(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


_SHARED: list[Processor] = [
    _add_ids,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
    _add_origin,
]


def _console() -> Processor:
    colours = not os.environ.get("NO_COLOR")

    def value(style: str, prefix: str = "", width: int = 0) -> KeyValueColumnFormatter:
        return KeyValueColumnFormatter(
            key_style=None, value_style=style if colours else "", reset_style=_RESET if colours else "",
            value_repr=str, prefix=prefix, width=width,
        )  # fmt: skip

    default = KeyValueColumnFormatter(
        key_style=_CYAN if colours else "", value_style=_MAGENTA if colours else "",
        reset_style=_RESET if colours else "", value_repr=_short,
    )  # fmt: skip
    level = LogLevelColumnFormatter(_LEVELS if colours else {}, reset_style=_RESET if colours else "")
    return ConsoleRenderer(
        columns=[
            Column("", default),
            Column("timestamp", value(_DIM)),
            Column("level", level),
            Column("service", value(_BLUE, width=13)),
            Column("event", value(_BOLD, width=22)),
        ],
        exception_formatter=structlog.dev.plain_traceback,
    )


def _short(value: object) -> str:
    plain = isinstance(value, str) and value.isprintable() and value and " " not in value
    return str(value) if plain else repr(value)


def _look_nothing_up() -> None:
    """Leave out of each record what no line shows: finding it took half of a line's time.

    These are the switches of "Optimization" in the standard library's logging HOWTO.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def formatter(format: str = "console") -> logging.Formatter:
    """The formatter that ``LOGGING`` names; ``format`` is ``console`` or ``json``.

    Made as a factory, so that a plain ``nameko run --config config.yml`` logs like the launcher.
    """
    _look_nothing_up()
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # A traceback turns into text before the secrets are masked: it may show some.
    last: list[Processor] = [_drop_unbound, structlog.processors.format_exc_info, _redact]
    if format == "json":
        last += [structlog.processors.JSONRenderer(default=str)]
    else:
        last += [_console()]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_SHARED, processors=last)
