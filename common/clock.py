"""Time as the suite writes it: UTC, RFC 3339, millisecond precision, a ``Z`` at the end."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_LONGEST = timedelta(days=36_500)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def now() -> datetime:
    """The current time, aware, in UTC, cut to the millisecond that MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_text(moment: datetime | None) -> str | None:
    """``2026-11-22T13:45:00.000Z`` for an aware or a naive-UTC datetime; None stays None."""
    if moment is None:
        return None
    return _text(moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None))


@lru_cache(4096)
def _text(moment: datetime) -> str:
    # What is shown is shown again and again: a list of twenty todos has eighty times in it.
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def parse_duration(text: str | int) -> timedelta:
    """``24h``, ``15m``, ``30d``, or seconds as a number; ValueError for all else, as for 0 or a century."""
    match = re.fullmatch(r"([0-9]{1,10})([smhdw]?)", str(text).strip())
    seconds = int(match[1]) * _UNITS[match[2] or "s"] if match else 0
    if not 0 < seconds < _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is no duration: write 3600, 15m, 24h or 30d")
    return timedelta(seconds=seconds)


def from_unix(seconds: int) -> str | None:
    """A time in Unix seconds as text."""
    return to_text(datetime.fromtimestamp(seconds, UTC))
