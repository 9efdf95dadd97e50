"""What `make run` itself sees of its processes and servers, as lines of the log beside theirs."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from common.log_lines import Console, Json
from common.redact import redact_line

RUN = "run"
"""The name of what is about no single process: `.local/log/run.log`."""
Keep = Callable[[str, str], None]


class Journal:
    """Writes lines of the format that the processes use into the files in which theirs are kept."""

    def __init__(self, keep: Keep = lambda name, line: None, format: str = "console") -> None:
        self._keep = keep
        self._render = Json() if format == "json" else Console()

    def tell(self, name: str, event: str, **values: Any) -> None:
        """A warning in the file of an instance, or of ``RUN``; make run's own process has written it."""
        line = {
            "level": "warning", "service": name.partition(".")[0], "instance": f"{RUN}:{os.getpid()}",
            **values, "event": event, "timestamp": datetime.now(UTC).isoformat()[:-6] + "Z",
        }  # fmt: skip
        self._keep(name, self._render(redact_line(line)))
