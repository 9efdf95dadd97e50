"""The private servers themselves: started, restarted on their data, gone when they are stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import kombu
import psycopg2
import pytest
from pymongo import MongoClient

from ops.engines import EngineError, LoginRefused, MongoDB, PostgreSQL, RabbitMQ
from ops.engines.ports import answers, free_port
from ops.engines.process_table import descendants, is_alive, wait_until_gone
from tests.integration.ops.blocked import blocked

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Makes one server of a kind for all tests: a start of RabbitMQ is five seconds of processor time."""
    made = {}

    def of(make):
        if make not in made:
            made[make] = make(tmp_path_factory.mktemp(make.__name__) / "folder")
        return made[make]

    yield of
    for engine in made.values():
        engine.kill()


@pytest.fixture
def engine(request, kept):
    """It runs, however the last test has left it, and has something written."""
    engine = kept(request.param)
    is_new = not engine.directory.exists()
    if engine.pid is None or not engine.is_ready():
        engine.kill()
        started(engine)
    if is_new:
        write(engine)
    return engine


@pytest.fixture
def new_engine(request, tmp_path):
    """One that was never started."""
    made = request.param(tmp_path / "folder")
    yield made
    made.kill()


def rabbitmq(directory):
    uri = f"amqp://anna:p%2Fw@{HOST}:{free_port()}/my%20host"
    return RabbitMQ.from_uri(directory, uri, free_port())


def postgresql(directory):
    return PostgreSQL(directory, free_port(), "postgres", "p w#@/%x", "users_db", fast=True)


def mongodb(directory):
    return MongoDB(directory, free_port(), fast=True)


every_engine = pytest.mark.parametrize("engine", [rabbitmq, postgresql, mongodb], indirect=True)
every_new_engine = pytest.mark.parametrize("new_engine", [rabbitmq, postgresql, mongodb], indirect=True)
with_rabbitmq = pytest.mark.parametrize("engine", [rabbitmq], indirect=True)
with_postgresql = pytest.mark.parametrize("engine", [postgresql], indirect=True)
with_mongodb = pytest.mark.parametrize("engine", [mongodb], indirect=True)


def started(engine):
    engine.start()
    engine.wait_ready(60)
    return engine


def family(engine):
    return [engine.pid, *descendants(engine.pid)]


def write(engine):
    """Stores something in whatever way the engine stores things."""
    if isinstance(engine, RabbitMQ):
        with kombu.Connection(engine.uri, transport_options={"confirm_publish": True}) as connection:
            queue = connection.SimpleQueue("kept")
            queue.put("kept")
            queue.close()
    elif isinstance(engine, PostgreSQL):
        with engine.connect(engine.database) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('kept')")
    else:
        with MongoClient(engine.uri) as client:
            client.test.kept.insert_one({"word": "kept"})


def read(engine):
    if isinstance(engine, RabbitMQ):
        with kombu.Connection(engine.uri) as connection:
            return connection.SimpleQueue("kept").get(timeout=5).payload
    if isinstance(engine, PostgreSQL):
        with engine.connect(engine.database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT word FROM kept")
            return cursor.fetchone()[0]
    with MongoClient(engine.uri) as client:
        return client.test.kept.find_one()["word"]


@every_engine
def test_data_survives_a_stop_that_leaves_no_process_and_no_open_port(engine):
    processes = family(engine)
    engine.stop()
    assert [pid for pid in processes if is_alive(pid)] == []
    assert not answers(HOST, engine.port)
    assert not engine.pid_file.exists()
    if isinstance(engine, RabbitMQ):
        does_not_hang_on_its_management_page(engine)
    started(engine)
    assert read(engine) == "kept"


def does_not_hang_on_its_management_page(stopped):
    log = stopped.log_file.read_text().rpartition("Starting RabbitMQ")[2]
    assert log.index("to stop collect_statistics") < log.index("SIGTERM received")


@every_engine
def test_data_survives_a_crash_and_is_not_opened_to_another_login(engine):
    engine.kill()
    assert not answers(HOST, engine.port)
    if isinstance(engine, MongoDB):
        started(engine)
    else:
        start_with_another_password(engine)
    assert read(engine) == "kept"


def start_with_another_password(engine):
    right = engine.password
    engine.password = "another"
    try:
        with pytest.raises(LoginRefused):
            started(engine)
    finally:
        engine.password = right
    engine.wait_ready(60)


@every_engine
def test_only_the_loopback_interface_is_listened_on(engine):
    sockets = {link for pid in family(engine) for link in open_files(pid)}
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {row[1] for row in listening if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}
    assert addresses
    assert all(address.startswith("0100007F:") for address in addresses)


@every_new_engine
def test_a_port_that_is_taken_is_told_with_the_logs_end(new_engine):
    with pytest.raises(EngineError, match=r"ended at its start; its log ends:\n.+"), blocked(new_engine.port):
        new_engine.start()
        new_engine.wait_ready(30)


def open_files(pid):
    """What a process has open, without what it closes meanwhile; nothing for one that has just ended."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(link))
    return found


@pytest.mark.parametrize("make", [rabbitmq, postgresql, mongodb])
def test_an_engine_ends_with_a_parent_that_was_killed(make, tmp_path):
    directory = tmp_path / "orphan"
    script = (
        "import sys, time; from pathlib import Path; from tests.integration.ops.test_engines import *\n"
        f"made = {make.__name__}(Path({str(directory)!r})); started(made)\n"
        "print(made.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    pid = int(parent.stdout.readline())
    processes = [pid, *descendants(pid)]
    parent.kill()
    parent.communicate()
    assert wait_until_gone(processes, timeout=20) == []


@every_engine
def test_a_leftover_on_the_same_folder_is_found_and_stopped(engine):
    finder = type(engine).__new__(type(engine))
    finder.__dict__ |= engine.__dict__ | {"_process": None}
    pid = engine.pid
    assert finder.stop_leftover()
    assert not is_alive(pid)
    assert not finder.stop_leftover()


def test_a_pid_file_that_names_a_strangers_process_is_no_leftover(tmp_path):
    engine = mongodb(tmp_path)
    stranger = subprocess.Popen(["sleep", "30"])
    try:
        engine.pid_file.write_text(str(stranger.pid))
        assert not engine.stop_leftover()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@with_rabbitmq
def test_rabbitmqctl_reaches_the_private_node_and_stops_and_starts_its_broker(engine):
    engine.ctl("add_vhost", "another")
    with pytest.raises(EngineError, match="list_nothing"):
        engine.ctl("list_nothing")
    assert "another" in RabbitMQ(engine.directory, engine.port, engine.management_port).ctl("list_vhosts")
    engine.ctl("stop_app")
    assert not engine.is_ready()
    engine.ctl("start_app")
    engine.wait_ready(30)


@with_rabbitmq
def test_a_broker_takes_login_and_virtual_host_from_its_address(engine):
    assert (engine.user, engine.password, engine.vhost) == ("anna", "p/w", "my host")
    with kombu.Connection(
        hostname=HOST, port=engine.port, userid="anna", password="p/w", virtual_host="my host"
    ) as connection:
        connection.connect()


@with_postgresql
def test_postgresql_wants_the_password_and_does_not_run_as_root(engine):
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(engine.uri.replace("p%20w", "wrong"))
    assert Path(f"/proc/{engine.pid}").stat().st_uid != 0


@with_postgresql
def test_postgresql_runs_below_a_folder_that_only_root_may_enter(engine):
    above = engine.directory.parent.stat()
    assert (above.st_uid, above.st_mode & 0o777) == (os.geteuid(), 0o700)  # it was made there
    engine.restart()


def test_an_initialisation_that_was_interrupted_is_begun_anew(tmp_path):
    engine = postgresql(tmp_path / "folder")
    (engine.directory / "data.part").mkdir(parents=True)
    (engine.directory / "data.part" / "PG_VERSION").write_text("half")
    try:
        started(engine)
    finally:
        engine.kill()


@with_mongodb
def test_mongodb_offers_transactions(engine):
    with MongoClient(engine.uri) as client, client.start_session() as session:
        with session.start_transaction():
            client.test.kept.insert_one({"word": "in a transaction"}, session=session)
        assert client.test.kept.count_documents({"word": "in a transaction"}) == 1


@with_mongodb
def test_mongodb_moves_to_another_port_with_its_data(engine):
    engine.stop()
    engine.port = free_port()
    started(engine)
    assert read(engine) == "kept"


@every_engine
def test_an_engine_that_does_not_answer_its_stop_is_killed_after_its_grace(engine, monkeypatch):
    processes = family(engine)
    monkeypatch.setattr(engine, "stop_grace", 0.5)
    os.kill(engine.pid, signal.SIGSTOP)
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 5
    assert [pid for pid in processes if is_alive(pid)] == []
