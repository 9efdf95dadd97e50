"""Schemathesis against the running suite: whatever is sent, the answer is one that the document describes.

The short form runs with all tests, the long one by ``make fuzz`` (``FUZZ=long``).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.engines import MongoDB, PostgreSQL
from ops.engines.mailcatcher import MailCatcher
from tests.suite import ROOT, Suite, running, settings_for

LONG = os.environ.get("FUZZ") == "long"
EXAMPLES = 100 if LONG else 4
SECONDS = 600 if LONG else 30
PATIENCE = 60
CONFIG = Path(__file__).with_name("schemathesis.toml")
# These could end the administrator whom the others of these calls need; a user makes them as well.
DANGEROUS = [f"--exclude-operation-id={name}" for name in ("update_user", "replace_user", "delete_user")]
SHORT = {
    "user": ["--include-tag=auth", "--include-tag=users", "--include-tag=todos"],
    "admin": ["--include-tag=messages", "--include-tag=users", *DANGEROUS],
    "anyone": ["--phases=fuzzing", "--max-time=10"],
}
FULL = {"user": [], "admin": ["--exclude-tag=auth", *DANGEROUS], "anyone": []}


@dataclass
class Run:
    """One run of schemathesis, as somebody."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]


@pytest.fixture
def suite(
    amqp_uri: str, postgresql: PostgreSQL, mongodb: MongoDB, mailcatcher: MailCatcher, tmp_path: Path
) -> Iterator[Suite]:
    settings = settings_for(amqp_uri, postgresql, mongodb, mailcatcher)
    with running(tmp_path, settings | {"RATE_LIMIT_ENABLED": "false"}) as suite:
        yield suite


def test_every_answer_is_one_that_the_document_describes(suite: Suite, tmp_path: Path) -> None:
    options = FULL if LONG else SHORT
    runs = [start(suite, name, tmp_path, given) for name, given in options.items()]
    ends = {run.name: end(run) for run in runs}

    assert ends == dict.fromkeys(options, 0), "\n".join(told(run) for run in runs if ends[run.name])


def start(suite: Suite, name: str, directory: Path, options: list[str]) -> Run:
    log = directory / f"{name}.log"
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run",
        f"{suite.url}/openapi.json", f"--max-examples={EXAMPLES}", f"--max-time={SECONDS}",
        "--continue-on-failure", "--no-shrink", "--warnings=off", "--output-truncate=false", *options,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FUZZ_AS": name, "FUZZ_URL": suite.url}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    return Run(name, log, process)


def end(run: Run) -> int:
    try:
        return run.process.wait(SECONDS + PATIENCE)
    finally:
        run.process.kill()


def told(run: Run) -> str:
    return f"--- as {run.name}\n{run.log.read_text(errors='replace')[-20_000:]}"
