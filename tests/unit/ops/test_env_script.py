"""ops/env.sh: makes .env once, with secrets that nobody can guess or read."""

import re
import stat
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.unit.ops.compose_file import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with the script where the checkout has it."""
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "env.sh").write_bytes((ROOT / "ops" / "env.sh").read_bytes())
    return tmp_path


def make(checkout: Path) -> str:
    result = subprocess.run(
        ["bash", "ops/env.sh"], cwd=checkout, check=True, capture_output=True, text=True, timeout=30
    )
    return result.stdout


def settings(checkout: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (checkout / ".env").read_text().splitlines())


def secrets(checkout: Path) -> dict[str, str]:
    return {name: value for name, value in settings(checkout).items() if name != "JWT_SECRET_SINCE"}


def test_the_day_is_noted_so_that_an_alert_can_tell_when_the_secret_is_old(checkout: Path):
    days = {datetime.now(UTC).date()}
    make(checkout)
    days.add(datetime.now(UTC).date())
    assert date.fromisoformat(settings(checkout)["JWT_SECRET_SINCE"]) in days


def test_the_secrets_are_long_and_need_no_quoting(checkout: Path):
    make(checkout)
    made = secrets(checkout)
    assert len(made["JWT_SECRET"].encode()) >= 32
    for secret in made.values():
        # Letters and digits alone: they stand in an address as they are.
        assert re.fullmatch(r"[A-Za-z0-9]{32,}", secret)
        assert len(set(secret)) > 10


def test_only_the_owner_can_read_the_file(checkout: Path):
    make(checkout)
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600


def test_the_secrets_are_not_shown(checkout: Path):
    shown = make(checkout)
    assert not [secret for secret in secrets(checkout).values() if secret in shown]


def test_no_two_secrets_are_alike(checkout: Path):
    make(checkout)
    first = secrets(checkout)
    (checkout / ".env").unlink()
    make(checkout)
    both = [*first.values(), *secrets(checkout).values()]
    assert len(set(both)) == len(both)


def test_an_existing_file_is_left_as_it_is(checkout: Path):
    (checkout / ".env").write_text("JWT_SECRET=mine\n")
    make(checkout)
    assert (checkout / ".env").read_text() == "JWT_SECRET=mine\n"


def test_the_script_can_be_run_as_a_command():
    assert (ROOT / "ops" / "env.sh").stat().st_mode & stat.S_IXUSR
