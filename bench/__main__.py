"""``make bench``, or ``python -m bench``: the suite against stock Nameko, in one run on one machine."""

import argparse
import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import rounds, sides, yardstick
from bench.engines import Engines, engines
from bench.people import settle_in
from bench.report import Report
from bench.rounds import ROWS, Bench

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ROOT / ".local" / "bench"
BCRYPT_COST = 12


def main() -> int:
    """Measure and report; the exit code."""
    options = read_options()
    if not shutil.which("wrk"):
        print("wrk is not installed: run ops/install.sh --bench", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        report = measure(options, Path(directory))
    print(f"\n{report.text()}\n")
    print(f"Raw figures: {keep(report).relative_to(ROOT)}")
    return 0


def read_options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured (5)")
    parser.add_argument("--seconds", type=int, default=6, help="how long each time (6)")
    known = [row.key for row in ROWS]
    parser.add_argument("--only", nargs="+", choices=known, default=known, help="these rows alone")
    return parser.parse_args()


def measure(options: argparse.Namespace, directory: Path) -> Report:
    """Start everything, and measure what is asked for."""
    rows = [row for row in ROWS if row.key in options.only]
    say("starting the servers, the suite and stock Nameko")
    with engines(directory) as servers:
        suite, stock = sides.suite(servers, directory / "suite"), sides.stock(servers, directory / "stock")
        with sides.running(suite), sides.running(stock):
            benches = [bench(servers, side) for side in (suite, stock)]
            samples = rounds.alternate(benches, rows, options.rounds, options.seconds, say)
            return Report(samples, extras(options), options.rounds, options.seconds)


def bench(servers: Engines, side: sides.Side) -> Bench:
    """A side with its people in place."""
    pid = servers.rabbitmq.pid
    assert pid is not None
    return Bench(side, settle_in(side.url), pid)


def extras(options: argparse.Namespace) -> dict[str, Any]:
    """What is measured beside the rounds."""
    if "mixed" not in options.only:
        return {}
    return {"bcrypt_per_second": yardstick.hashes_per_second(BCRYPT_COST, options.seconds)}


def keep(report: Report) -> Path:
    """Write the raw figures."""
    LOCAL.mkdir(parents=True, exist_ok=True)
    path = LOCAL / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(report.raw(), indent=1) + "\n")
    return path


def say(line: str) -> None:
    """Show how far it is."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
