"""Backups on a schedule: when the next is due, what a failure changes, how one sees that they are made."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.backup import place, schedule
from ops.backup.__main__ import parser, work
from ops.backup.refusal import BackupError
from ops.backup.signals import Stopped
from tests.unit.ops.compose_file import ROOT

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def archive(folder: Path, moment: datetime) -> None:
    (folder / moment.strftime("suite-%Y%m%dT%H%M%SZ.tar.gz")).touch()


def now() -> datetime:
    return datetime.now(UTC)


def test_the_first_is_due_at_once_and_each_other_when_the_newest_is_old_enough(tmp_path):
    assert schedule.until_due(tmp_path / "not made yet", DAY, NOW) == 0
    (tmp_path / "mine.tar.gz").touch()
    assert schedule.until_due(tmp_path, DAY, NOW) == 0
    archive(tmp_path, NOW - timedelta(days=9))
    assert schedule.until_due(tmp_path, DAY, NOW) == 0
    archive(tmp_path, NOW - timedelta(hours=5))
    assert schedule.until_due(tmp_path, DAY, NOW) == timedelta(hours=19).total_seconds()
    archive(tmp_path, NOW + timedelta(days=400))
    assert schedule.until_due(tmp_path, DAY, NOW) == DAY.total_seconds()


def test_backups_are_made_one_after_the_other_until_it_is_stopped(tmp_path):
    archive(tmp_path, now() - timedelta(hours=23))
    pauses, said = [], []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        schedule.repeat(lambda: archive(tmp_path, now()), tmp_path, DAY, said.append, wait=wait)
    assert pauses == [pytest.approx(3600, abs=60), *[pytest.approx(86400, abs=60)] * 2]
    assert said == []


@pytest.mark.parametrize(("between", "again"), [(DAY, 600), (timedelta(minutes=1), 60)])
def test_one_that_fails_is_told_and_tried_again_soon(tmp_path, between, again):
    pauses, said, fails = [], [], [BackupError("No room."), OSError("disk"), None]

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if not fails:
            raise Stopped

    def make() -> None:
        if problem := fails.pop(0):
            raise problem
        archive(tmp_path, now())

    with pytest.raises(Stopped):
        schedule.repeat(make, tmp_path, between, said.append, (BackupError, OSError), wait)
    assert pauses == [0, again, again, pytest.approx(between.total_seconds(), abs=30)]
    assert said == ["No room.", "disk"]


def test_one_that_is_stopped_half_way_is_told_and_ends_it(tmp_path):
    def make() -> None:
        raise Stopped

    said = []
    with pytest.raises(SystemExit) as ended:
        schedule.repeat(make, tmp_path, DAY, said.append, wait=lambda seconds: None)
    assert (said, ended.value.code) == (["stopped before it was done."], 1)


def test_a_mistake_in_the_code_is_not_tried_again(tmp_path):
    def make() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        schedule.repeat(make, tmp_path, DAY, print, wait=lambda seconds: None)


def test_how_often_is_a_duration():
    assert schedule.every("") is None
    assert schedule.every("24h") == DAY
    for wrong in ("daily", "0", "-1h", "24 hours"):
        with pytest.raises(BackupError, match=r"EVERY: .* is no duration"):
            schedule.every(wrong)


def check(folder: Path) -> int:
    command = [sys.executable, "-W", "ignore", "-m", "ops.backup.schedule", str(folder), "1h"]
    return subprocess.run(command, check=False, cwd=ROOT, timeout=60, capture_output=True).returncode


def test_the_health_check_tells_whether_there_is_a_backup_as_new_as_it_should_be(tmp_path):
    assert check(tmp_path / "not made yet") == 1
    archive(tmp_path, now() - timedelta(hours=2, minutes=1))
    assert check(tmp_path) == 1
    archive(tmp_path, now() - timedelta(hours=1, minutes=50))
    assert check(tmp_path) == 0


def test_the_command_waits_for_the_next_one_and_ends_in_order_when_it_is_stopped(tmp_path):
    archive(tmp_path, now())
    command = [sys.executable, "-W", "ignore", "-m", "ops.backup", "--to", f"{tmp_path}/", "--every", "24h"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == f"A backup is made every 24h in {tmp_path}\n"
    process.send_signal(signal.SIGTERM)
    assert (process.communicate(timeout=30)[0], process.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--to", "mine.tar.gz", "--every", "1h"), "TO is 'mine.tar.gz': with EVERY it must be a directory"),
        (("--every", "daily"), "EVERY: 'daily' is no duration"),
        (("--every", "1h", "--keep", "none"), "KEEP is 'none'"),
    ],
)
def test_wrong_options_are_told_before_anything_is_done(options, told, config):
    with pytest.raises(BackupError, match=told):
        work(parser().parse_args(options), config, console=None)


def test_where_nothing_may_be_written_the_configured_servers_are_used_and_none_is_started(
    config, monkeypatch
):
    nowhere = Path("/proc/1/.local")
    assert not place.is_writable(nowhere)
    config["RABBITMQ_MANAGEMENT_URL"] = "http://broker:15672"
    with place.servers(config, nowhere, None, place.RESTORE) as url:
        assert url == "http://broker:15672"
    assert place.is_writable(ROOT / ".local")
