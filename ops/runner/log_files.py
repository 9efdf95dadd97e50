"""The lines of the processes, kept in a file each: the last 20 MB and as much before, without colours."""

import logging
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BYTES = 20_000_000


class LogFiles:
    """`<directory>/<instance>.log`; the file of an earlier run is gone on with."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, RotatingFileHandler] = {}

    def keep(self, name: str, line: str) -> None:
        """Add a line. A full disk costs the file its line, and the suite nothing."""
        if name not in self._files:
            self._directory.mkdir(parents=True, exist_ok=True)
            path = self._directory / f"{name}.log"
            self._files[name] = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=1, encoding="utf-8")
            self._files[name].handleError = lambda record: None  # type: ignore[method-assign]
        self._files[name].handle(logging.makeLogRecord({"msg": COLOUR.sub("", line)}))
