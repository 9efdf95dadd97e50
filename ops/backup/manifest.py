"""The first member of an archive: what it is, of when, and what the other members must be."""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from common import VERSION
from ops.backup.refusal import BackupError

NAME = "manifest.json"
FORMAT = 1
_MEMBER = re.compile(r"[\w%-][\w.%-]*(/[\w%-][\w.%-]*)*", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Member:
    """What a file of the archive must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """``counts`` are rows by table, documents by collection, and events that were under way."""

    created_at: str
    counts: dict[str, dict[str, int]]
    servers: dict[str, str]
    members: dict[str, Member] = field(default_factory=dict)
    version: str = VERSION
    format: int = FORMAT

    def to_json(self) -> bytes:
        """As it lies in the archive."""
        return (json.dumps(asdict(self), indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read one, whoever wrote it; BackupError if it is none, or of a newer suite than this."""
        try:
            told = json.loads(text)
            told["members"] = {name: _member(name, about) for name, about in told["members"].items()}
            told["counts"] = {part: _counts(of) for part, of in told["counts"].items()}
            found = cls(**told)
            newer = found.format > FORMAT or _release(found.version) > _release(VERSION)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BackupError("The archive's manifest can't be read: it is damaged, or no archive.") from None
        if newer:
            raise BackupError(
                f"The archive is of version {found.version} of the suite, this is {VERSION}: restore it with"
                " that version or a newer one."
            )
        return found

    def count(self, part: str) -> int:
        """All rows, documents or events of a part."""
        return sum(self.counts.get(part, {}).values())


def _member(name: str, about: dict[str, Any]) -> Member:
    member = Member(**about)
    if not _MEMBER.fullmatch(name) or ".." in name or not _DIGEST.fullmatch(member.sha256):
        raise ValueError(name)
    return member


def _counts(told: dict[str, Any]) -> dict[str, int]:
    if not all(isinstance(count, int) for count in told.values()):
        raise ValueError(told)
    return told


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
