"""``make bench``, or ``python -m bench``: the suite against stock Nameko, in one run on one machine."""

import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import document, options, rounds, sides, yardstick
from bench.engines import engines
from bench.micro import events, mails, round_trip, scaling, standing, waterfall
from bench.options import Options
from bench.people import settle_in
from bench.report import Report
from bench.rounds import Bench
from bench.setting import Setting

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ROOT / ".local" / "bench"
BCRYPT_COST = 12
BEGAN = time.monotonic()


def main(arguments: list[str]) -> int:
    """Measure and report; the exit code."""
    wanted = options.read(arguments)
    # Nameko's client closes its queue in a way that py-amqp remarks on.
    logging.getLogger("amqp").setLevel(logging.ERROR)
    if not shutil.which("wrk"):
        print("wrk is not installed: run ops/install.sh --bench", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        report = measure(wanted, Path(directory))
    print(f"\n{report.text()}\n")
    print(f"Raw figures: {keep(report).relative_to(ROOT)}")
    if wanted.write:
        document.write(report)
        print("Written: docs/performance.md, docs/performance.svg")
    return 0


def measure(wanted: Options, directory: Path) -> Report:
    """Start everything, and measure what is asked for."""
    say("starting the servers")
    with engines(directory) as servers:
        suite = sides.suite(servers, directory / "suite", **settings(wanted))
        stock = sides.stock(servers, directory / "stock", **settings(wanted))
        say("starting the suite and stock Nameko")
        with sides.running(suite, stock):
            setting = Setting(servers, suite, stock)
            samples = measure_rows(setting, wanted)
            extras = measure_parts(setting, wanted)
            if "rpc" in wanted.parts:
                samples |= round_trip.measure(setting, wanted.rounds, wanted.seconds, say)
    if "outbox" in wanted.parts:
        extras["outbox"] = outbox()
    return Report(samples, extras, wanted.rounds, wanted.seconds)


def settings(wanted: Options) -> dict[str, str]:
    """Variables for both sides: passwords cost what they do in production only if logins are measured."""
    return {} if any(row.beside for row in wanted.rows) else {"BCRYPT_ROUNDS": "4"}


def measure_rows(setting: Setting, wanted: Options) -> rounds.Samples:
    """The rows of the table."""
    if not wanted.rows:
        return {}
    logins, users = max(row.beside for row in wanted.rows), max(row.users for row in wanted.rows)
    benches = [
        Bench(side, settle_in(side.url, logins, users), setting.broker_pid)
        for side in (setting.suite, setting.stock)
    ]
    return rounds.alternate(benches, wanted.rows, wanted.rounds, wanted.seconds, say)


def measure_parts(setting: Setting, wanted: Options) -> dict[str, Any]:
    """What is measured beside the rounds."""
    found: dict[str, Any] = {}
    if "standing" in wanted.parts:
        found |= told("memory and idle CPU", standing.measure(setting))
    if any(row.beside for row in wanted.rows):
        rate = yardstick.hashes_per_second(BCRYPT_COST, wanted.seconds)
        found |= told("bcrypt alone", {"bcrypt_per_second": rate})
    if "waterfall" in wanted.parts:
        found["waterfall"] = told("the way of a request", waterfall.measure(setting))
    if "scaling" in wanted.parts:
        found["scaling"] = scaling.measure(setting, wanted.rounds, wanted.seconds, say)
    if "mails" in wanted.parts:
        found |= told("mails", mails.measure(setting))
    if "events" in wanted.parts:
        found |= told("events", events.measure(setting))
    return found


def outbox() -> dict[str, Any]:
    """What an outbox costs, measured by a process of its own: it runs what it measures under eventlet."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.outbox", "--json"]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return told("outbox", json.loads(output.splitlines()[-1]))


def keep(report: Report) -> Path:
    """Write the raw figures."""
    LOCAL.mkdir(parents=True, exist_ok=True)
    path = LOCAL / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(report.raw(), indent=1) + "\n")
    return path


def told(what: str, found: dict[str, Any]) -> dict[str, Any]:
    """The same figures, and a line that they are there."""
    say(what)
    return found


def say(line: str) -> None:
    """Show how far it is."""
    print(f"{time.monotonic() - BEGAN:5.0f} s  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
