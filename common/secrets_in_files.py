"""Secrets that stand in files: ``DB_PASSWORD_FILE=/run/secrets/db`` in place of ``DB_PASSWORD``.

So they need not be in a process's environment, where whoever may look at the container reads them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = (
    "RABBITMQ_URL", "MONGODB_URI", "RATE_LIMIT_STORAGE_URI", "DB_PASSWORD", "JWT_SECRET",
    "JWT_SECRET_PREVIOUS", "ADMIN_PASSWORD", "EMAIL_PASS", "OTEL_EXPORTER_OTLP_HEADERS",
)  # fmt: skip
"""The variables that may be given so; addresses among them, as they hold passwords."""
_LONGEST = 65_536


@contextmanager
def in_environment() -> Iterator[list[str]]:
    """Have them in the environment during the block, for who reads that; what is wrong, a line each."""
    problems: list[str] = []
    found: dict[str, str] = {}
    for name in NAMES:
        if path := os.environ.get(f"{name}_FILE"):
            try:
                found[name] = _read(name, path)
            except ValueError as problem:
                problems.append(str(problem))
    before = {name: os.environ.get(name) for name in found}
    os.environ.update(found)
    try:
        yield problems
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def path_of(name: str) -> Path | None:
    """The file that a secret was read from, if there is one."""
    given = os.environ.get(f"{name}_FILE")
    return Path(given) if given else None


def _read(name: str, path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LONGEST).strip("\r\n")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "it is no text"
        raise ValueError(f"{name}_FILE: {path} can't be read: {reason}.") from None
    if not text:
        raise ValueError(f"{name}_FILE: {path} is empty.")
    if "\0" in text or "\n" in text:
        raise ValueError(f"{name}_FILE: {path} has more than one line.")
    if os.environ.get(name) not in (None, "", text):
        raise ValueError(f"{name} and {name}_FILE differ: set one of them.")
    return text
