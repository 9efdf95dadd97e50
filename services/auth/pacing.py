"""Answers that come no sooner than a set time, so that how long they take tells nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import eventlet


@contextmanager
def at_least(seconds: float) -> Iterator[None]:
    """The block lasts that long, however soon its work is done, and also if it fails."""
    end = time.monotonic() + seconds
    try:
        yield
    finally:
        eventlet.sleep(max(0.0, end - time.monotonic()))
