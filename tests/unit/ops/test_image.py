"""The Dockerfile and what of the checkout it takes along."""

import json
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import pytest

from ops.serve import SERVICES
from tests.unit.ops.compose_file import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().split("\n") if line and line[0] != "#"]


def instructions(name: str) -> list[str]:
    lines = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line.strip()]
    return [rest for word, rest in lines if word == name]


def sources() -> list[str]:
    return [source for copy in instructions("COPY") for source in copy.split()[:-1]]


def is_sent(path: str) -> bool:
    """Whether the engine is sent the path: the last pattern that matches it or its folder decides."""
    sent = True
    for pattern in IGNORED:
        plain = pattern.removeprefix("!").removeprefix("**/")
        names = [*Path(path).parts] if "**/" in pattern else [Path(path).parts[0]]
        if any(fnmatch(name, plain) for name in names):
            sent = pattern.startswith("!")
    return sent


def test_everything_that_is_copied_exists_and_is_sent():
    assert sources()
    for source in sources():
        assert (ROOT / source).exists()
        assert is_sent(source)


@pytest.mark.parametrize(
    "path", [".env", ".local/secrets/jwt_secret", ".git/config", ".venv/bin/python", "tests/suite.py"]
)
def test_secrets_data_and_tests_are_not_sent(path: str):
    assert not is_sent(path)


def test_caches_of_the_host_are_not_sent():
    assert not is_sent("common/__pycache__/config.cpython-311.pyc")
    assert is_sent("common/config.py")


def test_nothing_comes_from_another_address():
    assert instructions("ADD") == []
    assert instructions("FROM") == ["python:3.11-slim-bookworm"]


def test_the_requirements_are_a_layer_before_the_code():
    packages, code = DOCKERFILE.index("pip install --no-cache-dir"), DOCKERFILE.index("COPY common")
    assert DOCKERFILE.index("COPY requirements.txt") < packages < code


def test_the_process_is_not_root():
    assert instructions("USER") == ["10001:10001"]
    assert DOCKERFILE.index("USER 10001") > DOCKERFILE.index("RUN python -m compileall")


def test_the_image_carries_no_setting_of_the_suite():
    assert instructions("ARG") == []
    assert {word.split("=")[0] for word in instructions("ENV")[0].split()} == {
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
    }


def test_signals_reach_the_process():
    (entrypoint,) = instructions("ENTRYPOINT")
    python, option, module = json.loads(entrypoint)
    assert (python, option) == ("python", "-m")
    assert find_spec(module)
    assert instructions("STOPSIGNAL") == ["SIGTERM"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's /app, as far as it comes from the checkout."""
    app = tmp_path_factory.mktemp("app")
    for source in sources():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, app / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, app)
    return app


def run(image: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, check=False, cwd=image, env={}, capture_output=True, text=True, timeout=60)


def test_each_process_finds_all_its_code_in_the_image(image: Path):
    # One after the other in one interpreter, since what all of them import takes most of the time.
    imports = "".join(
        f"from {module} import {cls} as it; print(it.name)\n"
        for module, cls in (path.split(":") for path in SERVICES.values())
    )
    result = run(image, "-c", f"import eventlet; eventlet.monkey_patch()\n{imports}")
    assert result.stdout.split() == [*SERVICES], result.stderr


def test_the_entrypoint_without_a_service_says_how_to_use_it(image: Path):
    result = run(image, "-m", "ops.serve")
    assert (result.returncode, result.stderr[:6]) == (2, "usage:")


def test_the_mail_catcher_finds_all_its_code_in_the_image(image: Path):
    assert run(image, "-m", "ops.mailcatcher", "--help").returncode == 0


@pytest.mark.parametrize("module", ["ops.backup", "ops.restore"])
def test_backups_and_restores_find_all_their_code_in_the_image(image: Path, module: str):
    result = run(image, "-m", module, "--help")
    assert result.returncode == 0, result.stderr
