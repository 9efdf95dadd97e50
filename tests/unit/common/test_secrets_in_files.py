"""Secrets that stand in files: read like variables, and in nobody's environment."""

import os
from pathlib import Path

import pytest

from common import ages
from common import config as settings
from common.secrets_in_files import NAMES
from tests.suite import ROOT

SECRET = "kD8x!2mQz7-Lw0pRt5Yb3Nc9Vf6Hg1Js"


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def in_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes) -> Path:
    file = tmp_path / name.lower()
    file.write_bytes(content)
    monkeypatch.setenv(f"{name}_FILE", str(file))
    return file


def test_each_is_a_setting_that_takes_its_text_as_it_is() -> None:
    text = (ROOT / "config.yml").read_text()
    assert [name for name in NAMES if f'!raw_env_var "${{{name}:' not in text] == []


def test_what_stands_in_a_file_is_the_setting_and_stays_out_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = in_file(monkeypatch, tmp_path, "JWT_SECRET", f"{SECRET}\n".encode())
    in_file(monkeypatch, tmp_path, "DB_PASSWORD", b" ab #cd\r\n")
    in_file(monkeypatch, tmp_path, "RABBITMQ_URL", b"amqp://suite:from-a-file@broker/")
    config = settings.load()
    assert settings.validate(config) == []
    assert (config["JWT_SECRET"], config["POSTGRES"]["password"]) == (SECRET, " ab #cd")
    assert config["AMQP_URI"] == "amqp://suite:from-a-file@broker/"
    assert not {"JWT_SECRET", "DB_PASSWORD", "RABBITMQ_URL"} & os.environ.keys()
    assert ages.secret_files(config)["JWT_SECRET"] == secret


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"), (b"\n\n", "is empty"), (b"one\ntwo\n", "has more than one line"),
        (b"a\0b", "has more than one line"), (b"\xff\xfe", "can't be read: it is no text"),
        (b"another one", "DB_PASSWORD and DB_PASSWORD_FILE differ"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_secret_is_told_by_the_name_of_its_variable(
    content: bytes, problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_file(monkeypatch, tmp_path, "DB_PASSWORD", content)
    monkeypatch.setenv("DB_PASSWORD", "from the environment")
    (told,) = settings.validate(settings.load())
    assert "DB_PASSWORD_FILE" in told
    assert problem in told
    assert os.environ["DB_PASSWORD"] == "from the environment"


@pytest.mark.parametrize("path", ["/nowhere", "/", "/dev/null"])
def test_a_path_to_no_file_is_told(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_PASS_FILE", path)
    (told,) = settings.validate(settings.load())
    assert told.startswith(f"EMAIL_PASS_FILE: {path} ")
