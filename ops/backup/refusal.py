"""Why a backup or a restore can't go on, in a line that says what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

HALF = "What is restored is not whole: try again with FORCE=yes."


class BackupError(Exception):
    """Ends the command with its text and exit code 1."""


@contextmanager
def told_if_half_done(tell: Callable[[str], None]) -> Iterator[None]:
    """Whatever ends the block early, Ctrl-C included, is told together with what that leaves behind."""
    try:
        yield
    except (BackupError, OSError) as problem:
        raise BackupError(f"{str(problem).rstrip('.')}. {HALF}") from problem
    except BaseException:
        tell(HALF)
        raise
