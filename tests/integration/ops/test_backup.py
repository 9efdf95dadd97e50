"""The drill: fill, back up, keep writing, wipe, restore, compare row by row, and count the mails.

With BACKUP=long it has 100,000 todos and 10,000 users, and the restore has two minutes.
"""

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common import topology
from ops.backup.mongo import DATABASES
from ops.backup.refusal import BackupError
from ops.backup.target import restore
from ops.engines import MongoDB, PostgreSQL, RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from ops.mongodb_rights import ROLES
from services.messaging.storage import MessagingStorage
from services.notifications.storage import DeliveryStorage
from services.todos.storage import TodoStorage
from tests.integration.databases import new_database
from tests.integration.ops.broker_users import add_all
from tests.integration.ops.guarded import ADMIN, GuardedMongoDB
from tests.integration.ops.kept import Kept, Writer
from tests.integration.running import eventually, make_config

LONG = os.environ.get("BACKUP") == "long"
USERS, TODOS = (10_000, 100_000) if LONG else (200, 500)
RESTORE_SECONDS = 120
SETTLE_SECONDS = 0.5


@pytest.fixture
def databases() -> Iterator[tuple[str, ...]]:
    """Databases of this test's own, in the order of `ops.backup.mongo.DATABASES`."""
    with pytest.MonkeyPatch.context() as patch:
        names = []
        for storage in (TodoStorage, DeliveryStorage, MessagingStorage):
            names.append(f"{storage.database}_{uuid.uuid4().hex[:8]}")
            patch.setattr(storage, "database", names[-1])
        yield tuple(names)


@pytest.fixture
def kept(
    databases: tuple[str, ...], vhost_uri: str, rabbitmq: RabbitMQ, postgresql: PostgreSQL, mongodb: MongoDB,
    mailcatcher: MailCatcher,
) -> Iterator[Kept]:  # fmt: skip
    for settings in new_database(postgresql):
        config = make_config(AMQP_URI=vhost_uri, POSTGRES=settings, MONGODB_URI=mongodb.uri)
        yield from _kept(config, rabbitmq, databases, mailcatcher)


@pytest.fixture
def strict(
    amqp_uri: str, rabbitmq: RabbitMQ, postgresql: PostgreSQL, guarded_mongodb: GuardedMongoDB,
    mailcatcher: MailCatcher,
) -> Iterator[Kept]:  # fmt: skip
    """With quorum queues, and a login at each server for each service and for the backups."""
    for settings in new_database(postgresql):
        config = make_config(
            AMQP_URI=amqp_uri, EVENT_QUEUE_TYPE="quorum", POSTGRES=settings,
            MONGODB_URI=guarded_mongodb.uri_of(ADMIN),
        )  # fmt: skip
        topology.declare(config)
        logins = {user: {"AMQP_URI": uri} for user, uri in add_all(rabbitmq, amqp_uri).items()}
        for user in ROLES:
            logins[user]["MONGODB_URI"] = guarded_mongodb.uri_of(user)
        yield from _kept(config, rabbitmq, DATABASES, mailcatcher, logins)


def _kept(
    config: dict[str, Any], rabbitmq: RabbitMQ, databases: tuple[str, ...], mails: MailCatcher,
    logins: dict[str, dict[str, Any]] | None = None,
) -> Iterator[Kept]:  # fmt: skip
    config["MAIL"] |= {"host": "127.0.0.1", "port": str(mails.port), "tls": "none"}
    kept = Kept(config, rabbitmq, databases, mails, logins)
    kept.start()
    yield kept
    kept.stop()
    mails.faults()
    kept.stores.mongo.clear()
    kept.stores.close()


def test_a_backup_of_the_running_suite_restores_every_row_and_sends_no_mail_again(
    kept: Kept, tmp_path: Path
) -> None:
    (ada, ada_mail), (bob, bob_mail) = kept.new_user(), kept.new_user()
    kept.make_todos(ada, 3)
    kept.wait_for_mails(ada, 4)
    kept.multiply(USERS, TODOS)
    eventually(kept.is_quiet)
    before, writer, archive = kept.everything(), Writer(kept, bob), tmp_path / "suite.tar.gz"
    eventually(lambda: writer.made > 5)
    manifest = kept.backup(archive, SETTLE_SECONDS)
    eventually(lambda made=writer.made: writer.made > made + 5)
    writer.stop()
    kept.wait_for_mails(bob, 1 + writer.made)
    with pytest.raises(BackupError, match=r"The suite runs \(messaging, notifications, todos, users\)"):
        restore(kept.stores, archive, print, tmp_path, force=True)
    kept.stop()
    with pytest.raises(BackupError, match=r"Not empty: PostgreSQL's \w+ has \d+ tables; MongoDB has"):
        restore(kept.stores, archive, print, tmp_path)
    with kept.stores.postgres.alone(), pytest.raises(BackupError, match="A restore is going on"):
        kept.backup(tmp_path / "half.tar.gz", SETTLE_SECONDS)
    with kept.stores.postgres.unrestored(), pytest.raises(BackupError, match="A backup or another restore"):
        restore(kept.stores, archive, print, tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["suite.tar.gz"]
    kept.wipe()

    began = time.monotonic()
    restore(kept.stores, archive, print, tmp_path)
    assert time.monotonic() - began < RESTORE_SECONDS
    after = kept.everything()
    lost_or_changed = {key: after.get(key) for key in before if after.get(key) != before[key]}
    assert not lost_or_changed
    titles = sorted(int(todo["title"]) for todo in kept.todos.find({"user_id": bob}))
    assert titles == list(range(len(titles)))
    assert 5 < len(titles) < writer.made
    assert manifest.count("mongodb") >= 3 * TODOS
    sent = {one["_id"] for one in kept.deliveries.find({"status": "sent"}, {"_id": 1})}

    kept.start()
    kept.wait_for_mails(bob, 1 + len(titles))
    assert sorted(kept.mails_to(ada_mail).values()) == [1] * 4
    mails = kept.mails_to(bob_mail)
    assert {mails[message] for message in sent & mails.keys()} == {1}
    messages = [one["_id"] for one in kept.messages.find({"user_id": bob})]
    assert len(messages) == 1 + len(titles)
    assert all(mails[message] for message in messages)


def test_what_was_with_the_broker_is_under_way_again_and_what_was_sent_is_known_to_be(
    strict: Kept, tmp_path: Path
) -> None:
    """Four kinds: done with, sent and not yet told of, failed and to be tried again, not yet heard of."""
    kept = strict
    (ada, ada_mail), (bob, bob_mail), (eve, eve_mail) = (kept.new_user() for _ in range(3))
    for user in (ada, bob, eve):
        kept.wait_for_mails(user, 1)
    kept.stop("notifications")
    kept.make_todos(ada, 2)
    kept.make_todos(bob, 2)
    eventually(
        lambda: kept.messages.count_documents({"status": "queued", "outbox_at": {"$exists": False}}) == 4
    )
    kept.stop("messaging")
    kept.mails.faults(temporary_recipients=[bob_mail])
    kept.config["RETRY"] |= {"base_seconds": 60, "cap_seconds": 60}
    kept.start("notifications")
    eventually(lambda: kept.deliveries.count_documents({"status": "sent"}) == 3 + 2)
    eventually(lambda: kept.deliveries.count_documents({"status": "failed"}) == 2)
    eventually(lambda: not kept.deliveries.find_one({"outbox_at": {"$exists": True}}))
    kept.stop("notifications")
    kept.make_todos(eve, 2)
    eventually(lambda: not kept.todos.find_one({"outbox_at": {"$exists": True}}))
    manifest = kept.backup(tmp_path / "suite.tar.gz", SETTLE_SECONDS)
    assert manifest.counts["rabbitmq"]["standing"] == 2

    kept.stop()
    kept.todos.insert_one({"_id": 1, "late": True}, bypass_document_validation=True)
    kept.sql("CREATE TABLE late (id int)")
    kept.mails.faults()
    kept.config["RETRY"] |= {"base_seconds": 0.2, "cap_seconds": 1}
    kept.config["REMEMBER_FOR"] = "30d"  # which changes the expiries that are there
    restore(kept.stores, tmp_path / "suite.tar.gz", print, tmp_path, force=True)
    assert "late" not in kept.stores.postgres.tables()
    assert kept.todos.find_one({"late": True}) is None
    kept.start()
    for user in (ada, bob, eve):
        kept.wait_for_mails(user, 3)
    for email in (ada_mail, bob_mail, eve_mail):
        assert sorted(kept.mails_to(email).values()) == [1, 1, 1], email
