"""What Prometheus is told of backups on a schedule: by who makes them, or by a file where a timer does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from ops.backup import metrics
from ops.backup.__main__ import parser, work
from ops.backup.refusal import BackupError
from ops.engines.ports import LOOPBACK, free_port
from tests.drills import rules
from tests.unit.ops.compose_file import ROOT, load

LAST, INTERVAL = "suite_backup_last_success_timestamp_seconds", "suite_backup_interval_seconds"
SIZE = "suite_backup_size_bytes"


def archive(folder: Path, moment: datetime, size: int = 0) -> None:
    (folder / moment.strftime("suite-%Y%m%dT%H%M%SZ.tar.gz")).write_bytes(b"x" * size)


def read(text: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@contextmanager
def scheduled(folder: Path, port: int) -> Iterator[str]:
    """The command on a schedule; where it is asked."""
    command = [sys.executable, "-W", "ignore", "-m", "ops.backup", "--to", f"{folder}/"]
    command += ["--every", "24h", "--metrics", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline().startswith("A backup is made every 24h")
    try:
        yield f"http://{LOOPBACK}:{port}/metrics"
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_who_makes_backups_tells_of_the_newest_as_it_is_when_asked(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    archive(tmp_path, now - timedelta(hours=3), 100)
    archive(tmp_path, now - timedelta(days=3), 900)
    archive(tmp_path, now + timedelta(days=3), 900)  # of a clock that was wrong
    (tmp_path / "mine.tar.gz").touch()
    with scheduled(tmp_path, free_port()) as url:
        told = read(requests.get(url, timeout=5).text)
        assert told == {LAST: (now - timedelta(hours=3)).timestamp(), INTERVAL: 86_400, SIZE: 100}
        archive(tmp_path, now - timedelta(hours=1), 200)
        told = read(requests.get(url, timeout=5).text)
        assert told == {LAST: (now - timedelta(hours=1)).timestamp(), INTERVAL: 86_400, SIZE: 200}


def test_a_timer_leaves_the_same_in_a_file_and_none_made_is_as_old_as_can_be(tmp_path: Path) -> None:
    file = tmp_path / "suite.prom"
    command = [sys.executable, "-W", "ignore", "-m", "ops.backup.metrics", str(tmp_path / "none"), "1h"]
    subprocess.run([*command, str(file)], cwd=ROOT, check=True, timeout=30)
    assert read(file.read_text()) == {LAST: 0, INTERVAL: 3600, SIZE: 0}


def test_nobody_else_on_the_network_is_answered_unless_that_is_asked_for() -> None:
    assert metrics.place("3008") == (LOOPBACK, 3008)
    assert metrics.place("0.0.0.0:3008") == ("0.0.0.0", 3008)
    assert metrics.place("[::]:3008") == ("::", 3008)


@pytest.mark.parametrize("wrong", ["", "metrics", "0", "65536", "localhost:", "3008/metrics", "٣"])
def test_what_is_no_port_is_refused(wrong: str) -> None:
    with pytest.raises(BackupError, match=r"METRICS is .*: write a port, such as 3008"):
        metrics.place(wrong)


def test_a_port_that_is_taken_is_told_before_anything_is_waited_for(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    archive(tmp_path, datetime.now(UTC))
    with scheduled(tmp_path, port := free_port()):
        options = ["--to", f"{tmp_path}/", "--every", "1h", "--metrics", str(port)]
        with pytest.raises(BackupError, match=rf"METRICS: {LOOPBACK}:{port} can't be used: Address already"):
            work(parser().parse_args(options), config, console=None)


def test_without_a_schedule_there_is_nothing_to_tell(config: dict[str, Any]) -> None:
    with pytest.raises(BackupError, match="METRICS tells of a schedule: it goes with EVERY"):
        work(parser().parse_args(["--metrics", "3008"]), config, console=None)


def test_prometheus_asks_the_container_that_makes_them() -> None:
    jobs = {one["job_name"]: one for one in rules.read(rules.SHIPPED / "prometheus.yml")["scrape_configs"]}
    (asked,) = jobs["backup"]["dns_sd_configs"]
    service = load()["services"][asked["names"][0]]
    assert metrics.place(parser().parse_args(service["command"]).metrics) == ("0.0.0.0", asked["port"])
    assert "default" in service["networks"]
