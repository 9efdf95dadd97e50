"""One way for structlog's lines and the standard library's, set up from ``LOGGING`` in ``config.yml``.

Log with a static event name and data as keywords: ``log.info("mail_sent", message_id=...)``. What
belongs to every line of a request (request id, call id, entrypoint) is bound once per worker and
added here; so are service and instance. Secrets are masked at any depth.
"""

import logging
import os
import socket
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import structlog

from common.log_lines import Console, Json, exception_text
from common.redact import redact_line

_ids: ContextVar[Mapping[str, Any]] = ContextVar("ids", default=MappingProxyType({}))  # one for all of them
_origin = {"service": "-", "instance": f"{socket.gethostname()}:{os.getpid()}"}


def get_logger() -> Any:
    """A logger; the service's name and the worker's context are added when a line is written."""
    return structlog.get_logger("suite")


def identify(service: str) -> None:
    """Name the service that this process runs: it stands on every line from now on."""
    _origin.update(service=service, instance=f"{socket.gethostname()}:{os.getpid()}")


def instance() -> str:
    """``host:pid``, which tells one instance of a service from another."""
    return _origin["instance"]


def bind_ids(ids: dict[str, Any]) -> None:
    """Put these on every line that this green thread logs from now on, in place of what was there."""
    _ids.set(ids)


class Logger(structlog.BoundLoggerBase):
    """structlog's logger with the root's level: what is below it costs nothing.

    Nothing is bound to a logger here and its chain would have one link, so that is called without the chain.
    """

    def debug(self, event: str, **values: Any) -> None:
        """What only who looks for something wants to know."""
        self._log(logging.DEBUG, "debug", event, values)

    def info(self, event: str, **values: Any) -> None:
        """What happens when all is well."""
        self._log(logging.INFO, "info", event, values)

    def warning(self, event: str, **values: Any) -> None:
        """What somebody should know of."""
        self._log(logging.WARNING, "warning", event, values)

    def error(self, event: str, **values: Any) -> None:
        """What somebody should look at."""
        self._log(logging.ERROR, "error", event, values)

    def exception(self, event: str, **values: Any) -> None:
        """An error with the traceback of the current exception."""
        self.error(event, **{"exc_info": True, **values})

    def critical(self, event: str, **values: Any) -> None:
        """What ends the process."""
        self._log(logging.CRITICAL, "critical", event, values)

    def _log(self, number: int, level: str, event: str, values: dict[str, Any]) -> None:
        if number >= logging.root.level:
            self._logger.write(_complete({"level": level, **values, "event": event}))


class Output:
    """Writes structlog's lines to where the root's handlers write the standard library's."""

    def write(self, event: dict[str, Any]) -> None:
        """A line on each handler that has our format."""
        for handler in logging.root.handlers:
            if isinstance(handler.formatter, Lines) and isinstance(handler, logging.StreamHandler):
                try:
                    handler.stream.write(handler.formatter.show(event) + "\n")
                    handler.stream.flush()
                except (OSError, ValueError):
                    pass  # whoever read it has gone, or its encoding does not have a character


class Lines(logging.Formatter):
    """What both kinds of lines have in common: the last look for secrets, and how they are shown."""

    def __init__(self, format: str) -> None:
        super().__init__()
        self._render = Json() if format == "json" else Console()

    def format(self, record: logging.LogRecord) -> str:
        """A line of the standard library."""
        event: dict[str, Any] = {"event": record.getMessage(), "level": record.levelname.lower()}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        return self.show(_complete(event))

    def show(self, event: Mapping[str, Any]) -> str:
        """The text of a line."""
        return self._render(redact_line(event))


def _complete(event: dict[str, Any]) -> dict[str, Any]:
    """Add what every line has. A traceback turns into text before its secrets are masked."""
    exc_info = event.pop("exc_info", None)
    found = {**_origin, **_ids.get(), **event, "timestamp": datetime.now(UTC).isoformat()[:-6] + "Z"}
    if exc_info:
        found["exception"] = exception_text(exc_info)
    return found


def formatter(format: str = "console") -> logging.Formatter:
    """The formatter that ``LOGGING`` names; ``format`` is ``console`` or ``json``.

    Made as a factory, so that a plain ``nameko run --config config.yml`` logs like the launcher.
    """
    structlog.configure(
        processors=[],
        wrapper_class=Logger,
        logger_factory=lambda *args: Output(),
        cache_logger_on_first_use=True,
    )
    return Lines(format)
