"""Certificate and key: what can't work is told in a line that names the variable, before anything starts."""

import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common import config as settings
from common import tls
from tests.certificates import Pair, make_pair
from tests.suite import ROOT


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


def test_a_pair_that_belongs_together_can_work(pair: Pair, config: dict[str, Any]) -> None:
    config["HTTP"] |= {"tls_cert": str(pair.certificate), "tls_key": str(pair.key)}

    assert settings.validate(config) == []


def test_without_either_there_is_no_tls(config: dict[str, Any]) -> None:
    assert tls.context_of(config["HTTP"]) is None


def test_nothing_older_than_tls_1_2_is_spoken(pair: Pair) -> None:
    context = tls.context_of({"tls_cert": str(pair.certificate), "tls_key": str(pair.key)})

    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("given", [("x.pem", ""), ("", "x.key")])
def test_one_without_the_other_is_refused(given: tuple[str, str]) -> None:
    assert tls.problems(*given) == ["TLS_CERT and TLS_KEY go together: set both or neither."]


@pytest.mark.parametrize(
    ("certificate", "key", "line"),
    [
        ("missing", "own.key", "TLS_CERT: {}/missing can't be read: No such file or directory."),
        ("", "own.key", "TLS_CERT: {}/ can't be read: Is a directory."),
        ("text", "own.key", "TLS_CERT: {}/text holds no certificate in PEM format."),
        ("own.key", "own.key", "TLS_CERT: {}/own.key holds no certificate in PEM format."),
        ("own.pem", "missing", "TLS_KEY: {}/missing can't be read: No such file or directory."),
        ("own.pem", "text", "TLS_KEY: {}/text holds no private key in PEM format that belongs"),
        ("own.pem", "other.key", "TLS_KEY: {}/other.key holds no private key in PEM format that belongs"),
        ("own.pem", "locked.key", "TLS_KEY has a password: give a key without one"),
        ("own.pem", "\0", "TLS_KEY: {}/\0 can't be read: it is no path."),
    ],
)
def test_a_file_that_can_not_work_is_told_by_its_variable(
    tmp_path: Path, certificate: str, key: str, line: str
) -> None:
    make_pair(tmp_path)
    make_pair(tmp_path, "other")
    make_pair(tmp_path, "locked", "-passout", "pass:sesame")
    (tmp_path / "text").write_text("no certificate")

    (problem,) = tls.problems(f"{tmp_path}/{certificate}", f"{tmp_path}/{key}")

    assert problem.startswith(line.format(tmp_path))
    assert "\n" not in problem


def test_a_process_does_not_start_with_a_wrong_file(tmp_path: Path) -> None:
    made = make_pair(tmp_path)
    environment = {"TLS_CERT": str(tmp_path / "none"), "TLS_KEY": str(made.key), "PATH": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "ops.serve", "gateway"], cwd=ROOT, env=environment,
        check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert ended.returncode == 78
    assert ended.stderr == f"TLS_CERT: {tmp_path}/none can't be read: No such file or directory.\n"
