"""When periodic work is done: at moments that all of a process's periodic work has in common.

Waking up an idle process costs more than most of what it wakes up for. Whatever is done every second is
therefore done together with what is done every quarter of a second or every two: at the multiples of its
period, counted from the moment when the process began, so that not all processes of a host wake up at once.
"""

import time

import eventlet

_FIRST = time.monotonic()
_NEARLY = 0.001
"""So near it is the moment that has just been: whoever has slept until it is not sent to it again."""


def until_next(period: float, now: float | None = None) -> float:
    """The seconds until the next common moment: at most a period, so that nothing comes later than it may."""
    since = (time.monotonic() if now is None else now) - _FIRST
    left = -since % period
    return left if left > _NEARLY else left + period


def sleep_until_next(period: float) -> None:
    """Sleep until then."""
    eventlet.sleep(until_next(period))
