"""What the doors to all databases share: an error that ends the start, and one line when it goes or comes."""

from collections.abc import Iterator
from contextlib import contextmanager

from common import tracing
from common.errors import Unavailable
from common.logging import get_logger

log = get_logger()
_DETAIL_CHARACTERS = 300
_IN_WORDS = {"_OperationCancelled": "the server does not answer: the driver has ended what waited for it"}
"""Errors of drivers whose own words say nothing."""
UNFINISHED_RESTORE = "restore_unfinished"
"""A table in PostgreSQL, there from a restore's beginning to its end: until then nothing is whole."""


class StorageUnavailable(Exception):
    """The database can't be used at start: the process must not go on."""


class Door:
    """Where a driver's errors stop: ``with door.translated(): ...``.

    They turn into Unavailable, for the gateway to answer 503. The log says once that the database is
    down, and once that it is up again, however many calls meet it in between.
    """

    def __init__(self, database: str, errors: type[Exception]) -> None:
        self.database = database
        self.errors = errors
        self.is_down = False

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn a driver's error into Unavailable."""
        try:
            if not tracing.recorder.is_on:
                yield
            else:
                with tracing.below(self.database, tracing.current.get()):
                    yield
        except self.errors as problem:
            self._tell_down(problem)
            raise Unavailable("storage_unavailable", "The data store is not available.") from problem
        if self.is_down:
            self.is_down = False
            log.info("database_up", database=self.database)

    def _tell_down(self, problem: Exception) -> None:
        write = log.debug if self.is_down else log.error
        self.is_down, name = True, type(problem).__name__
        write(
            "database_down",
            database=self.database,
            error=_IN_WORDS.get(name) or f"{name}: {problem}"[:_DETAIL_CHARACTERS],
        )
