"""The commands of the Makefile that need no running suite, in a copy of the checkout."""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(root, *command, **environment):
    return subprocess.run(
        command,
        cwd=root,
        env=dict(os.environ) | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "ops", tmp_path / "ops", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def test_make_alone_lists_every_command_with_a_line_each():
    listed = run(ROOT, "make").stdout
    targets = re.findall(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in " ".join(targets).split():
        assert re.search(rf"^  make {target} +\w", listed, re.MULTILINE), target


def test_installing_again_is_silent():
    run(ROOT, "ops/install.sh", "--dev")
    result = run(ROOT, "ops/install.sh", "--dev")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_env_file_is_made_once_with_random_secrets_for_its_owner_only(copy):
    assert run(copy, "ops/env.sh").returncode == 0
    made = (copy / ".env").read_text()
    secrets = dict(line.split("=") for line in made.split())
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", secrets.pop("JWT_SECRET_SINCE"))  # for an alert when it is old
    assert set(secrets) == {"JWT_SECRET", "DB_PASSWORD", "RABBITMQ_PASSWORD"}
    assert all(re.fullmatch(r"[A-Za-z0-9]{32,64}", secret) for secret in secrets.values())
    assert (copy / ".env").stat().st_mode & 0o777 == 0o600
    assert run(copy, "ops/env.sh").stdout == ""
    assert (copy / ".env").read_text() == made


def test_reset_drops_the_data_and_nothing_else(copy):
    for name in ("rabbitmq", "postgresql", "mongodb", "mail", "secrets", "bin"):
        (copy / ".local" / name).mkdir(parents=True)
    assert run(copy, "make", "reset", YES="1").returncode == 0
    assert sorted(path.name for path in (copy / ".local").iterdir() if path.is_dir()) == ["bin", "secrets"]


def test_reset_without_a_yes_drops_nothing(copy):
    (copy / ".local" / "mongodb").mkdir(parents=True)
    assert run(copy, "make", "reset").returncode != 0
    assert (copy / ".local" / "mongodb").exists()


def test_reset_refuses_while_the_data_is_used(copy):
    (copy / ".local" / "mongodb").mkdir(parents=True)
    with (copy / ".local" / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = run(copy, "make", "reset", YES="1")
    assert "stop it first" in result.stderr
    assert (copy / ".local" / "mongodb").exists()


def test_without_docker_the_container_commands_say_what_to_do(copy):
    tools = copy / "tools"
    tools.mkdir()
    for tool in ("bash", "dirname", "make"):
        (tools / tool).symlink_to(shutil.which(tool))
    result = run(copy, "make", "up", PATH=str(tools))
    assert result.returncode != 0
    assert "Docker with its compose plugin is needed" in result.stderr


def test_an_audit_that_can_not_ask_about_a_package_fails(copy):
    """pip-audit alone leaves out what it finds no answer for, and says that no vulnerability is known."""
    called = run(copy, "make", "--just-print", "audit").stdout
    assert re.search(r"pip-audit .*--strict", called)
