"""What `make run` writes: its own lines, and those of the processes behind a coloured prefix."""

import os
import sys
from typing import TextIO

from honcho.printer import Message, Printer


class SafeOutput:
    """A terminal or pipe that may go away; what is written afterwards is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def write(self, text: str) -> None:
        """Writes, as long as somebody listens."""
        try:
            if self._stream:
                self._stream.write(text)
        except OSError:
            self._close()

    def flush(self) -> None:
        """Flushes, as long as somebody listens."""
        try:
            if self._stream:
                self._stream.flush()
        except OSError:
            self._close()

    def isatty(self) -> bool:
        """Whether colours make sense."""
        return bool(self._stream and self._stream.isatty())

    def _close(self) -> None:
        """Python flushes standard output once more at its end, which must not fail."""
        self._stream = None
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Console:
    """Lines of the run itself and of its processes."""

    def __init__(self) -> None:
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
        self._output = SafeOutput(sys.stdout)
        self.colours = self._output.isatty() and not os.environ.get("NO_COLOR")
        self._printer = Printer(self._output, time_format="", colour=self.colours)

    def say(self, text: str) -> None:
        """A line, or some, of the run itself."""
        self._output.write(text + "\n")
        self._output.flush()

    def error(self, text: str) -> None:
        """Why the run ends."""
        self.say(f"\033[31merror:\033[0m {text}" if self.colours else f"error: {text}")

    def align(self, names: list[str]) -> None:
        """Makes the prefixes equally wide."""
        self._printer.width = max(map(len, names))

    def show(self, message: Message) -> None:
        """A line that a process wrote."""
        self._printer.write(message)
