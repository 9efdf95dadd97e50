"""The file that mails are appended to. A file for each costs as much as all else that is done with a mail."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Where a mail stands in the file."""

    start: int
    size: int


class MailLog:
    """Each mail stands behind a line that says how long it is, and what is known of it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._end = 0
        self._may_have_rest = True

    def read_all(self) -> Iterator[tuple[dict[str, Any], Place]]:
        """All mails, from the first, but for what a crash has left of a last one."""
        with open(self._file, "rb", closefd=False) as file:
            file.seek(0)
            while about := _read_line(file.readline()):
                place = Place(file.tell(), about.pop("size"))
                if file.seek(place.size, os.SEEK_CUR) > os.fstat(self._file).st_size:
                    break
                self._end = place.start + place.size
                yield about, place

    def append(self, about: dict[str, Any], raw: bytes) -> Place:
        """Write a mail behind the others; if that fails, the next one takes its place."""
        if self._may_have_rest:
            os.ftruncate(self._file, self._end)
        self._may_have_rest = True
        line = json.dumps({"size": len(raw), **about}).encode() + b"\n"
        data, written = line + raw, 0
        while written < len(data):
            written += os.pwrite(self._file, data[written:] if written else data, self._end + written)
        place = Place(self._end + len(line), len(raw))
        self._end += len(data)
        self._may_have_rest = False
        return place

    def read(self, place: Place) -> bytes:
        """A mail as it came."""
        return os.pread(self._file, place.size, place.start)

    def clear(self) -> None:
        """Begin anew."""
        self._end = 0
        os.ftruncate(self._file, 0)


def _read_line(line: bytes) -> dict[str, Any] | None:
    try:
        about = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return about if isinstance(about, dict) and isinstance(about.get("size"), int) else None
