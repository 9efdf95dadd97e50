"""Certificates for the tests, made by openssl: this machine's name and address, signed by themselves."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


class Pair(NamedTuple):
    """The paths of a certificate and of its key."""

    certificate: Path
    key: Path


def make_pair(directory: Path, name: str = "own", *more: str) -> Pair:
    """A certificate and its key, without a password unless ``more`` says otherwise."""
    made = Pair(directory / f"{name}.pem", directory / f"{name}.key")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2", *(more or ("-nodes",))]
    files = ["-out", str(made.certificate), "-keyout", str(made.key)]
    command = ["openssl", "req", "-x509", "-subj", "/CN=localhost", "-addext", _NAMES, *kind, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return made
