"""What the command line asks for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from bench.rounds import ROWS, Row

ROW_KEYS = tuple(row.key for row in ROWS)
PARTS = ("standing", "waterfall", "scaling", "rpc", "mails", "events", "outbox")
"""In the order in which they are measured, after the rows: memory is looked at right after their load."""


@dataclass(frozen=True)
class Options:
    """One run."""

    rounds: int
    seconds: int
    only: tuple[str, ...]
    write: bool

    @property
    def rows(self) -> list[Row]:
        """The rows to be measured."""
        return [row for row in ROWS if row.key in self.only]

    @property
    def parts(self) -> list[str]:
        """What is measured beside them."""
        return [part for part in PARTS if part in self.only]


def read(arguments: Sequence[str]) -> Options:
    """The options; a wrong one ends the process with a line that says which."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="The suite against stock Nameko, in one run on one machine."
    )
    parser.add_argument("--rounds", type=_positive, default=5, help="how often each row is measured (5)")
    parser.add_argument("--seconds", type=_positive, default=6, help="how long each time (6)")
    known = (*ROW_KEYS, *PARTS)
    parser.add_argument(
        "--only", nargs="+", choices=known, default=known, metavar="PART", help=", ".join(known)
    )
    parser.add_argument("--write", action="store_true", help="put the results into docs/performance.md")
    given = parser.parse_args(arguments)
    return Options(given.rounds, given.seconds, tuple(given.only), given.write)


def _positive(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return value
