"""Where archives lie, how many are kept, and what of the settings is in them."""

import copy
import json
import signal
from datetime import UTC, datetime

import pytest

from common import config as settings
from ops.backup.__main__ import parser, work
from ops.backup.command import run
from ops.backup.definitions import Management, management_url
from ops.backup.place import BACKUP, RESTORE, alone, archive_path, number_to_keep, remove_old, servers
from ops.backup.postgres import Postgres
from ops.backup.refusal import BackupError
from ops.backup.settings import without_secrets
from ops.engines.ports import free_port
from ops.runner.preflight import RUN, take_lock

NOW = datetime(2026, 11, 25, 23, 4, 5, tzinfo=UTC)
NAME = "suite-20261125T230405Z.tar.gz"


def test_an_archive_is_named_by_its_moment_in_the_wanted_or_the_usual_directory(tmp_path):
    usual = tmp_path / "usual"
    assert archive_path("", usual, NOW) == usual / NAME
    assert archive_path(str(tmp_path), usual, NOW) == tmp_path / NAME
    assert archive_path(f"{tmp_path}/new/", usual, NOW) == tmp_path / "new" / NAME
    assert archive_path(str(tmp_path / "mine.tar.gz"), usual, NOW) == tmp_path / "mine.tar.gz"


@pytest.fixture
def same_signals():
    """The command handles signals of its own, which are those of the tests again afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("same_signals")
def test_where_nothing_can_be_written_is_told_in_words_and_before_servers_are_started(tmp_path, capsys):
    (tmp_path / "there").touch()
    for to, problem in (
        (tmp_path / "there", "there is there already: name another file"),
        (tmp_path / "there" / "below", "there is no directory: TO is one"),
        ("/proc/nowhere/", "/proc/nowhere does not exist: make it, or mount what belongs there."),
        (tmp_path / "not" / "mounted", f"{tmp_path / 'not'} does not exist: make it, or mount"),
        (tmp_path / ("a" * 300), "File name too long"),
    ):
        assert run(parser(), ["--to", str(to)], work) == 1
        (told,) = capsys.readouterr().out.splitlines()
        assert told.startswith("error: ")
        assert problem in told
    assert not (tmp_path / "not").exists()


def test_the_newest_archives_are_kept_and_other_files_are_left_alone(tmp_path):
    names = [f"suite-2026112{day}T000000Z.tar.gz" for day in range(5)]
    for name in (*names, "mine.tar.gz", "suite-20261120T000000Z.tar.gz.sig"):
        (tmp_path / name).touch()
    assert remove_old(tmp_path, 0) == []
    assert [path.name for path in remove_old(tmp_path, 2)] == names[:3]
    assert {path.name for path in tmp_path.iterdir()} == {
        *names[3:], "mine.tar.gz", "suite-20261120T000000Z.tar.gz.sig"
    }  # fmt: skip


def test_how_many_are_kept_is_a_whole_number():
    assert [number_to_keep(text) for text in ("", "1", "7")] == [0, 1, 7]
    for text in ("0", "-1", "seven", "1.5", "9999999"):
        with pytest.raises(BackupError, match="KEEP is"):
            number_to_keep(text)


def test_two_backups_do_not_write_into_one_directory_at_a_time_and_what_a_killed_one_left_goes(tmp_path):
    left = tmp_path / ".suite-backup-killed"
    left.mkdir()
    (left / "half").touch()
    for first, told in ((BACKUP, "A backup is being made in "), (RESTORE, "A restore is going on in ")):
        with alone(tmp_path, first):
            assert not left.exists()
            with pytest.raises(BackupError, match=told), alone(tmp_path, BACKUP):
                pass


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (BACKUP, BACKUP, "A backup is being made in this checkout: wait for its end."),
        (BACKUP, RESTORE, "A backup is being made in this checkout: wait for its end."),
        (RESTORE, BACKUP, "A restore is going on in this checkout: wait for its end."),
        (RUN, RESTORE, "'make run' is running here: stop it first."),
    ],
)
def test_who_has_started_the_servers_is_left_alone_with_them(tmp_path, config, first, second, told):
    sharing = servers(config, tmp_path, None, second)
    with take_lock(tmp_path / "run.lock", first), pytest.raises(BackupError) as refused, sharing:
        pass
    assert str(refused.value) == told


def test_a_backup_shares_the_servers_of_a_running_suite(tmp_path, config):
    config["RABBITMQ_MANAGEMENT_URL"] = "http://broker:15672"
    with take_lock(tmp_path / "run.lock"), servers(config, tmp_path, None, BACKUP) as url:
        assert url == "http://broker:15672"


def test_no_secret_of_the_settings_is_in_an_archive(monkeypatch):
    secrets = {
        "JWT_SECRET": "first-secret-value", "JWT_SECRET_PREVIOUS": "second-secret-value",
        "DB_PASSWORD": "third-secret-value", "ADMIN_PASSWORD": "fourth-secret-value",
        "EMAIL_PASS": "fifth-secret-value", "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=tenth-secret-value",
    }  # fmt: skip
    addresses = {
        "RABBITMQ_URL": "amqp://suite:sixth-secret-value@broker/",
        "MONGODB_URI": "mongodb://suite:seventh-secret-value@a:1,b:2/?replicaSet=rs0"
        "&tlsCertificateKeyFilePassword=eleventh-secret-value",
        "RATE_LIMIT_STORAGE_URI": "redis://:eighth-secret-value@redis:6379/0",
        "RABBITMQ_MANAGEMENT_URL": "https://me:ninth-secret-value@broker:15671",
    }
    for name, value in (secrets | addresses).items():
        monkeypatch.setenv(name, value)
    config = settings.load()
    before = copy.deepcopy(config)
    shown = json.dumps(without_secrets(config))
    assert "secret-value" in json.dumps(config)
    assert "secret-value" not in shown
    assert "mongodb://a:1,b:2/?replicaSet=rs0" in shown
    assert '"max_attempts": 5' in shown
    assert config == before


def test_the_management_api_is_found_where_it_is_set_where_make_run_put_it_or_on_its_port(config, tmp_path):
    assert management_url(config, tmp_path) == "http://127.0.0.1:15672"
    file = tmp_path / "rabbitmq" / "rabbitmq.conf"
    file.parent.mkdir()
    file.write_text("listeners.tcp.local = 127.0.0.1:5672\nmanagement.tcp.port = 15673\n")
    assert management_url(config, tmp_path) == "http://127.0.0.1:15673"
    elsewhere = {**config, "AMQP_URI": "amqp://guest:guest@127.0.0.1:5999/"}
    assert management_url(elsewhere, tmp_path) == "http://127.0.0.1:15672"
    assert management_url({**config, "RABBITMQ_MANAGEMENT_URL": "https://b:1"}, tmp_path) == "https://b:1"


def test_a_server_that_does_not_answer_is_named_in_one_line(config):
    config["POSTGRES"] |= {"port": free_port()}
    with pytest.raises(BackupError, match=r"^PostgreSQL: .*onnection refused.*; check DB_HOST") as told:
        Postgres(config["POSTGRES"]).version()
    assert "\n" not in str(told.value)
    with pytest.raises(BackupError, match=r"RabbitMQ's management API does not answer"):
        Management(config, f"http://127.0.0.1:{free_port()}").version()


def test_a_pg_restore_that_the_server_does_not_understand_is_refused_before_anything_is_dropped(
    config, monkeypatch
):
    for server, program, refused in (("16.4", 17, True), ("16.4", 16, False), ("17.1", 18, False)):
        monkeypatch.setattr(Postgres, "_server", lambda self, version=server: version)
        monkeypatch.setattr(Postgres, "_version_of", lambda self, name, wanted, major=program: major)
        if refused:
            with pytest.raises(BackupError, match=r"pg_restore is of version 17.*postgresql-client-16"):
                Postgres(config["POSTGRES"]).can_restore()
        else:
            Postgres(config["POSTGRES"]).can_restore()
