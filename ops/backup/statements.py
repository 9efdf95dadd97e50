"""PostgreSQL's statements, which the driver waits for deaf to everything else, can be cut short."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from psycopg2 import extensions

from ops.backup.signals import Stopped

CONNECT_SECONDS = 5
_LOOK_SECONDS = 1
_CONNECTED = (extensions.STATUS_READY, extensions.STATUS_BEGIN, extensions.STATUS_PREPARED)


@contextmanager
def statements_cut() -> Iterator[None]:
    """Let a signal end a statement of PostgreSQL's, such as one that waits for a lock, there and here.

    Otherwise the driver is deaf until the server answers. It has one such setting for the whole process.
    """
    before = extensions.get_wait_callback()
    extensions.set_wait_callback(_wait_or_cancel)
    try:
        yield
    finally:
        extensions.set_wait_callback(before)


def _wait_or_cancel(connection: Any) -> None:
    try:
        _wait(connection)
    except Stopped:
        with suppress(psycopg2.Error):  # there may be no connection yet
            connection.cancel()
        raise


def _wait(connection: Any) -> None:
    """As the driver itself does, which then leaves connect_timeout to us."""
    end = time.monotonic() + CONNECT_SECONDS
    while (state := connection.poll()) != extensions.POLL_OK:
        file = [connection.fileno()]
        reads, writes = (file, []) if state == extensions.POLL_READ else ([], file)
        select.select(reads, writes, [], _LOOK_SECONDS)
        if connection.status not in _CONNECTED and time.monotonic() > end:
            raise psycopg2.OperationalError("timeout expired")
