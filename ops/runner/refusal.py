"""Why `make run` can't go on, in a line that says what to do."""


class CannotRun(Exception):
    """Ends the run with its text and exit code 1."""
