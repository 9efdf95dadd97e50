"""One file with everything: a tar under gzip, as any machine can unpack it.

It is made aside and renamed when it is complete, so that a file with an archive's name is a whole one.
"""

import errno
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from ops.backup.manifest import NAME, Manifest, Member
from ops.backup.refusal import BackupError
from ops.backup.signals import SIGNALS

_ASIDE = ".suite-backup-"
_CHUNK = 1 << 20
_FAST = 1  # gzip's first level: twice as fast as its sixth, and a tenth larger
_LARGEST_MANIFEST = 16 << 20
_DAMAGED = "is damaged or no archive of the suite"


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A directory for the members, its owner's alone, gone afterwards."""
    try:
        made = tempfile.TemporaryDirectory(dir=folder, prefix=_ASIDE, ignore_cleanup_errors=True)
        try:
            yield Path(made.name)
        finally:
            with SIGNALS.putting_away():
                made.cleanup()
    except OSError as problem:
        if problem.errno == errno.EFBIG:
            raise BackupError(
                f"A file in {folder} is larger than is allowed: raise `ulimit -f`, or take another disk."
            ) from problem
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise BackupError(
            f"There is not enough room in {folder}: it takes that of the uncompressed data."
        ) from problem


def clean(folder: Path) -> None:
    """Remove what a killed process has left; nobody else must be at work in the folder."""
    for left in folder.glob(f"{_ASIDE}*"):
        shutil.rmtree(left, ignore_errors=True)


def pack(members: Path, manifest: Manifest, target: Path) -> Manifest:
    """Make the archive of all files in a directory; the manifest with what it says of them."""
    names = sorted(str(path.relative_to(members)) for path in members.rglob("*") if path.is_file())
    whole = replace(manifest, members={name: _measure(members / name) for name in names})
    with workplace(target.parent) as aside:
        part = aside / target.name
        with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_FAST) as tar:
                _add(tar, NAME, io.BytesIO(whole.to_json()), len(whole.to_json()))
                for name in names:
                    with (members / name).open("rb") as member:
                        _add(tar, name, member, whole.members[name].bytes)
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    return whole


def look(archive: Path) -> Manifest:
    """Its manifest; BackupError for what can't be read or begins otherwise."""
    with _translated(archive), gzip.open(archive) as file, tarfile.open(fileobj=file, mode="r|") as tar:
        return _read_manifest(tar)


def check(archive: Path) -> Manifest:
    """Check the archive from its first to its last byte; its manifest. Nothing is written."""
    return _read_through(archive, None)


def unpack(archive: Path, into: Path) -> Manifest:
    """The same, and lay out its members in a directory."""
    return _read_through(archive, into)


def _read_through(archive: Path, into: Path | None) -> Manifest:
    seen = set[str]()
    with _translated(archive), gzip.open(archive) as file:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            manifest = _read_manifest(tar)
            # Not by "for", which begins with the manifest again.
            while (member := tar.next()) is not None:
                if member.name in seen:
                    raise tarfile.ReadError(f"it has {member.name} twice")
                _extract(tar, member, manifest, into)
                seen.add(member.name)
        while file.read(_CHUNK):
            pass  # gzip's own checksum comes last
    missing = sorted(set(manifest.members) - seen)
    if missing:
        raise BackupError(f"{archive} {_DAMAGED}: it has no {missing[0]}.")
    return manifest


@contextmanager
def _translated(archive: Path) -> Iterator[None]:
    """BackupError for what is wrong with the archive, and only for that."""
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise BackupError(f"{archive} {_DAMAGED}: {problem}.") from problem
    except OSError as problem:
        if problem.filename != str(archive):
            raise  # of the disk, or of the directory to unpack into
        raise BackupError(_unreadable(archive, problem)) from problem


def _unreadable(archive: Path, problem: OSError) -> str:
    if isinstance(problem, FileNotFoundError):
        return f"{archive} does not exist."
    return f"{archive} can't be read: {problem.strerror}."


def _read_manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != NAME or not first.isfile() or first.size > _LARGEST_MANIFEST:
        raise tarfile.ReadError(f"it does not begin with {NAME}")
    return Manifest.from_json(_stream(tar, first).read())


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, manifest: Manifest, into: Path | None) -> None:
    expected = manifest.members.get(member.name)
    if expected is None or not member.isfile():
        raise tarfile.ReadError(f"{member.name!r} is not in its manifest")
    if member.size != expected.bytes:
        raise tarfile.ReadError(f"the length of {member.name} is not the manifest's")
    stream, digest = _stream(tar, member), hashlib.sha256()
    with _new_file(into and into / member.name) as file:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != expected.sha256:
        raise tarfile.ReadError(f"the checksum of {member.name} is not the manifest's")


def _new_file(path: Path | None) -> IO[bytes]:
    if path is None:
        return open(os.devnull, "wb")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


def _stream(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(member)
    if stream is None:
        raise tarfile.ReadError(f"{member.name} can't be read")
    return stream


def _measure(path: Path) -> Member:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return Member(path.stat().st_size, digest.hexdigest())


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = size, 0o600
    tar.addfile(about, file)
