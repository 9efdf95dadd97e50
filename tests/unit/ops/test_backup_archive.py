"""An archive is whole or refused, and tells why."""

import errno
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest

from common import VERSION
from ops.backup.archive import check, look, pack, unpack, workplace
from ops.backup.manifest import Manifest
from ops.backup.refusal import HALF, BackupError, told_if_half_done
from ops.backup.signals import Stopped
from ops.backup.source import DEFINITIONS, EVENTS, POSTGRESQL
from ops.backup.target import restore
from ops.restore import parser as restore_parser
from ops.restore import work
from ops.runner.console import Console

DRAFT = Manifest("2026-11-25T23:00:00.000Z", {"postgresql": {"users": 2}}, {"mongodb": "6.0.1"})
MEMBERS = {"settings.json": b"{}\n", "mongodb/todos/to%2Fdos.bson": bytes(range(256)) * 5000}


@pytest.fixture
def archive(tmp_path):
    members = tmp_path / "members"
    for name, content in MEMBERS.items():
        (members / name).parent.mkdir(parents=True, exist_ok=True)
        (members / name).write_bytes(content)
    pack(members, DRAFT, tmp_path / "suite.tar.gz")
    return tmp_path / "suite.tar.gz"


@pytest.fixture
def into(tmp_path):
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def forge(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path


def with_manifest(tmp_path, **changes):
    told = json.loads(DRAFT.to_json()) | changes
    return forge(tmp_path / "forged.tar.gz", ("manifest.json", json.dumps(told).encode()))


def test_what_is_packed_is_unpacked_and_only_its_owner_can_read_it(archive, into):
    manifest = unpack(archive, into)
    assert {name: (into / name).read_bytes() for name in MEMBERS} == MEMBERS
    assert (manifest.created_at, manifest.counts, manifest.version) == (
        DRAFT.created_at,
        DRAFT.counts,
        VERSION,
    )
    assert archive.stat().st_mode & 0o777 == 0o600


def test_what_it_is_can_be_seen_without_unpacking_it(archive, tmp_path):
    assert look(archive).counts == DRAFT.counts
    assert {*tmp_path.iterdir()} == {archive, tmp_path / "members"}
    for wrong in (tmp_path / "nothing", tmp_path, tmp_path / "members" / "settings.json"):
        with pytest.raises(BackupError, match=r"does not exist|can't be read|damaged"):
            look(wrong)


def test_the_manifest_comes_first_and_any_tar_can_read_it(archive):
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["manifest.json", *sorted(MEMBERS)]


def test_an_archive_that_is_cut_anywhere_is_refused(archive, into):
    whole = archive.read_bytes()
    for length in (0, 1, 5, 100, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        archive.write_bytes(whole[:length])
        with pytest.raises(BackupError, match="damaged or no archive"):
            unpack(archive, into / str(length))


def test_an_archive_with_a_changed_byte_is_refused(archive, into):
    plain = gzip.decompress(archive.read_bytes())
    place = plain.rindex(bytes(range(256)))
    archive.write_bytes(gzip.compress(plain[:place] + b"x" + plain[place + 1 :]))
    with pytest.raises(
        BackupError, match=r"the checksum of mongodb/todos/to%2Fdos.bson is not the manifest's"
    ):
        unpack(archive, into)
    whole = gzip.compress(plain)
    archive.write_bytes(whole[:-8] + b"\0" + whole[-7:])
    with pytest.raises(BackupError, match="CRC check failed"):
        unpack(archive, into / "again")


def test_an_archive_is_checked_to_its_end_without_a_server_and_nothing_is_written(archive, tmp_path, capsys):
    before = sorted(tmp_path.rglob("*"))
    assert work(restoring(archive), {}, Console()) is None
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(
        f"{archive} is whole: made 2026-11-25T23:00:00.000Z by version {VERSION}, 2 members"
    )
    assert sorted(tmp_path.rglob("*")) == before

    plain = bytearray(gzip.decompress(archive.read_bytes()))
    plain[plain.index(bytes(range(256)))] ^= 1
    archive.write_bytes(gzip.compress(plain))
    with pytest.raises(BackupError, match="checksum of mongodb/todos"):
        work(restoring(archive), {}, Console())
    with pytest.raises(BackupError, match="CHECK is 'maybe'"):
        work(restoring(archive, "maybe"), {}, Console())


def restoring(archive, check="yes"):
    return restore_parser().parse_args(["--from", str(archive), "--check", check])


def test_a_member_that_comes_twice_or_not_at_all_is_found_without_unpacking(tmp_path):
    whole = {"a": {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}}
    first = ("manifest.json", json.dumps(json.loads(DRAFT.to_json()) | {"members": whole}).encode())
    with pytest.raises(BackupError, match="it has no a"):
        check(forge(tmp_path / "f.tar.gz", first))
    with pytest.raises(BackupError, match="it has a twice"):
        check(forge(tmp_path / "f.tar.gz", first, ("a", b"x"), ("a", b"x")))


def test_an_archive_without_one_of_its_members_is_refused(tmp_path, into):
    missing = {"settings.json": {"bytes": 3, "sha256": "0" * 64}}
    with pytest.raises(BackupError, match=r"it has no settings\.json"):
        unpack(with_manifest(tmp_path, members=missing), into)


def test_a_member_that_the_manifest_does_not_name_is_refused(tmp_path, into):
    path = forge(tmp_path / "f.tar.gz", ("manifest.json", DRAFT.to_json()), ("../evil", b"x"))
    with pytest.raises(BackupError, match=r"'\.\./evil' is not in its manifest"):
        unpack(path, into)


@pytest.mark.parametrize("name", ("../evil", "/etc/passwd", "a/../../b", "a//b", "", ".hidden", "a\nb"))
def test_a_manifest_that_leads_out_of_the_directory_is_refused(name, tmp_path, into):
    members = {name: {"bytes": 1, "sha256": "0" * 64}}
    with pytest.raises(BackupError, match="manifest can't be read"):
        unpack(with_manifest(tmp_path, members=members), into)


@pytest.mark.parametrize("changes", ({"version": "99.0.0"}, {"version": "0.1.1"}, {"format": 2}))
def test_an_archive_of_a_newer_suite_is_refused(changes, tmp_path, into):
    with pytest.raises(BackupError, match=f"this is {VERSION}: restore it with that version or a newer one"):
        unpack(with_manifest(tmp_path, **changes), into)


@pytest.mark.parametrize("content", (b"", b"no json", b"[]", b"{}", b'{"members": 1}', b"\xff\xfe"))
def test_a_manifest_that_is_none_is_refused(content, tmp_path, into):
    with pytest.raises(BackupError, match="manifest can't be read"):
        unpack(forge(tmp_path / "f.tar.gz", ("manifest.json", content)), into)


@pytest.mark.parametrize("counts", ([], 1, {"postgresql": 1}, {"postgresql": {"users": "2"}}))
def test_a_manifest_that_counts_otherwise_is_refused(counts, tmp_path, into):
    with pytest.raises(BackupError, match="manifest can't be read"):
        unpack(with_manifest(tmp_path, counts=counts), into)


def test_a_member_that_is_longer_than_it_should_be_is_not_unpacked(tmp_path, into):
    told = json.loads(DRAFT.to_json()) | {"members": {"a": {"bytes": 1, "sha256": "0" * 64}}}
    path = forge(tmp_path / "f.tar.gz", ("manifest.json", json.dumps(told).encode()), ("a", b"x" * 9))
    with pytest.raises(BackupError, match="the length of a is not the manifest's"):
        unpack(path, into)
    assert list(into.iterdir()) == []


def test_what_is_no_archive_is_refused(tmp_path, into):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BackupError, match="damaged or no archive"):
        unpack(tmp_path / "text", into)
    with pytest.raises(BackupError, match="does not exist"):
        unpack(tmp_path / "nothing", into)
    with pytest.raises(BackupError, match="can't be read: Is a directory"):
        unpack(into, into)
    with pytest.raises(BackupError, match=r"does not begin with manifest\.json"):
        unpack(forge(tmp_path / "f.tar.gz", ("settings.json", b"{}")), into)


def test_a_step_that_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(OSError, match="disk full"), workplace(tmp_path) as folder:
        (folder / "half").write_text("x")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", (errno.ENOSPC, errno.EDQUOT))
def test_a_full_disk_is_told_as_such_and_not_as_damage(number, tmp_path):
    with pytest.raises(BackupError, match=f"not enough room in {tmp_path}"), workplace(tmp_path):
        raise OSError(number, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_larger_than_allowed_is_told_with_its_place_and_what_to_raise(tmp_path):
    words = f"in {tmp_path} is larger than is allowed: raise `ulimit -f`"
    with pytest.raises(BackupError, match=words), workplace(tmp_path):
        raise OSError(errno.EFBIG, "File too large")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "missing"),
    (
        ({"members": {}}, r"postgresql/users\.dump"),
        ({"counts": {"postgresql": {}}}, "count of mongodb"),
    ),
)
def test_a_well_packed_archive_that_lacks_a_part_is_refused_before_a_server_is_asked(
    changes, missing, tmp_path
):
    for name in (POSTGRESQL, DEFINITIONS, EVENTS):
        (tmp_path / "parts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "parts" / name).write_text("{}")
    members = tmp_path / ("parts" if "counts" in changes else "none")
    members.mkdir(exist_ok=True)
    pack(members, replace(DRAFT, **changes), tmp_path / "suite.tar.gz")
    with pytest.raises(BackupError, match=f"no whole archive of the suite: it has no {missing}"):
        restore(None, tmp_path / "suite.tar.gz", print, tmp_path)


@pytest.mark.parametrize("problem", (BackupError("Gone."), OSError("gone")))
def test_a_restore_that_fails_half_way_says_so(problem):
    with pytest.raises(BackupError, match=r"one\. What is restored is not whole"), told_if_half_done(print):
        raise problem


@pytest.mark.parametrize("problem", (KeyboardInterrupt, Stopped, KeyError))
def test_a_restore_that_is_stopped_half_way_says_so(problem):
    told = []
    with pytest.raises(problem), told_if_half_done(told.append):
        raise problem
    assert told == [HALF]
