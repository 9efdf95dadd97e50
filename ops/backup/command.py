"""What both commands have in common: settings, an end that tidies up, and one line for what goes wrong."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from ops.backup.refusal import BackupError
from ops.backup.signals import CUT_SHORT, SIGNALS, Stopped
from ops.backup.statements import statements_cut
from ops.engines import EngineError
from ops.run import load_config
from ops.runner.console import Console
from ops.runner.refusal import CannotRun

FAILURES = (BackupError, CannotRun, EngineError, OSError)
Work = Callable[[Namespace, dict[str, Any], Console], None]


def run(parser: ArgumentParser, arguments: list[str], work: Work) -> int:
    """Does the work; the exit code."""
    console, options = Console(), parser.parse_args(arguments)
    SIGNALS.listen()
    try:
        with statements_cut():
            work(options, load_config(), console)
    except FAILURES as problem:
        console.error(told(problem))
        return 1
    except Stopped:
        console.error(CUT_SHORT)
        return 1
    finally:
        SIGNALS.finish()
    return 0


def told(problem: Exception) -> str:
    """What went wrong in words, without the system's number for it."""
    if isinstance(problem, OSError) and problem.filename and problem.strerror:
        return f"{problem.filename}: {problem.strerror}."
    return str(problem)
