"""The four services that keep something, on data of their own, filled, looked at and wiped."""

import uuid
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bson
import eventlet
import psycopg2
import requests
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from ops.backup.manifest import Manifest
from ops.backup.source import Stores, backup
from ops.engines import RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from ops.rights import BACKUP
from services.messaging.service import MessagingService
from services.notifications.service import NotificationsService
from services.todos.service import TodosService
from services.users.service import UsersService
from tests.integration.running import Running, Somebody, eventually

SERVICES = {
    "users": UsersService, "todos": TodosService, "messaging": MessagingService,
    "notifications": NotificationsService,
}  # fmt: skip
RAW = CodecOptions(document_class=RawBSONDocument)
State = dict[str, Any]


class Kept:
    """What the services keep, and the services themselves, started and stopped one by one."""

    def __init__(
        self, config: dict[str, Any], rabbitmq: RabbitMQ, databases: tuple[str, ...], mails: MailCatcher,
        logins: dict[str, dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.config, self.mails, self._rabbitmq = config, mails, rabbitmq
        self._logins = logins or {}  # the settings of who has logins of its own
        self.stores = Stores.of(config, rabbitmq.management_url, databases)
        self.client = self.stores.mongo.client
        todos, deliveries, messages = databases
        self.todos = self.client[todos].todos
        self.deliveries = self.client[deliveries].deliveries
        self.messages = self.client[messages].messages
        self._running: dict[str, Running] = {}
        self._people: list[Somebody] = []

    def start(self, *names: str) -> None:
        """Start these services, or all."""
        for name in names or SERVICES:
            self._running[name] = Running(SERVICES[name], self._config_of(name))

    def backup(self, archive: Path, settle_seconds: float) -> Manifest:
        """Make a backup with the login of who makes backups."""
        names = self.stores.mongo._databases
        with closing(Stores.of(self._config_of(BACKUP), self._rabbitmq.management_url, names)) as stores:
            return backup(stores, archive, print, settle_seconds)

    def _config_of(self, name: str) -> dict[str, Any]:
        return self.config | self._logins.get(name, {})

    def stop(self, *names: str) -> None:
        """Stop these services, or all, and hang up."""
        if not names:
            for somebody in self._people:
                somebody.stop()
            self._people = []
        for name in names or list(self._running):
            self._running.pop(name).stop()

    def somebody(self, **who: Any) -> Any:
        """A caller."""
        self._people.append(Somebody(self.config, **who))
        return self._people[-1].call

    def new_user(self) -> tuple[str, str]:
        """A new user's id and address."""
        email = f"{uuid.uuid4().hex[:12]}@kept.example"
        data = {"email": email, "name": "Ada", "password_hash": "$2b$x"}
        return self.somebody(as_service=True).users.create(data=data)["id"], email

    def make_todos(self, user_id: str, count: int) -> None:
        """So many todos of a user."""
        todos = self.somebody(user_id=user_id).todos
        for number in range(count):
            todos.create({"title": f"Todo {number}"})

    def multiply(self, users: int, todos: int) -> None:
        """More of what is there: users, and todos with their messages and deliveries."""
        self.sql(
            "INSERT INTO users (id, email, email_key, name, role, disabled, email_verified, password_hash,"
            " locale, todo_mails, login_mails, version, created_at, updated_at)"
            " SELECT gen_random_uuid(), n || email, n || email_key, name, role, disabled, email_verified,"
            " password_hash, locale, todo_mails, login_mails, version, created_at, updated_at"
            " FROM generate_series(1, %s) n, (SELECT * FROM users ORDER BY id LIMIT 1) one",
            users,
        )
        for collection, new_id in (
            (self.todos, ObjectId),
            (self.messages, lambda: str(uuid.uuid4())),
            (self.deliveries, lambda: str(uuid.uuid4())),
        ):
            one = collection.find_one({"outbox_at": {"$exists": False}})
            for start in range(0, todos, 5000):
                count = min(5000, todos - start)
                collection.insert_many([{**one, "_id": new_id()} for _ in range(count)])

    def sql(self, query: str, *values: Any) -> list[Any]:
        """Ask PostgreSQL itself."""
        where = self.config["POSTGRES"]
        connection = psycopg2.connect(
            host=where["host"], port=where["port"], user=where["username"], password=where["password"],
            dbname=where["database"],
        )  # fmt: skip
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def everything(self) -> State:
        """Every row of every table, and every document of every collection with the indexes, by its key."""
        found: State = {}
        for table in self.stores.postgres.tables():
            rows = self.sql(f"SELECT one::text FROM {table} one")
            found |= {(table, row): True for (row,) in rows}
            found |= {(table, "columns"): self.sql(_COLUMNS, table)}
        for name in self.stores.mongo.collections():
            database, _, collection = name.partition(".")
            source = self.client[database][collection]
            documents = source.with_options(RAW).find()
            found |= {(name, bson.encode({"_id": one["_id"]})): one.raw for one in documents}
            found |= {(name, "indexes"): source.index_information(), (name, "options"): source.options()}
        return found

    def is_quiet(self) -> bool:
        """Whether nothing is under way."""
        busy = {"outbox_at": {"$exists": True}}
        collections = (self.todos, self.messages, self.deliveries)
        return (
            self.sql("SELECT count(*) FROM outbox")[0][0] == 0
            and not any(collection.find_one(busy) for collection in collections)
            and self.messages.find_one({"status": {"$ne": "sent"}}) is None
        )

    def wait_for_mails(self, user_id: str, count: int) -> None:
        """Until so many of a user's messages are sent, and nothing is under way."""
        those = {"user_id": user_id, "status": "sent"}
        eventually(lambda: self.messages.count_documents(those) >= count and self.is_quiet(), 60)

    def mails_to(self, email: str) -> Counter[str]:
        """How often each message to an address was mailed."""
        return Counter(mail["headers"]["X-Message-Id"] for mail in self.mails.mails(to=email))

    def wipe(self) -> None:
        """Lose everything: the database, the collections, the virtual host."""
        self.stores.postgres.clear()
        self.stores.mongo.clear()
        vhost, login = (
            urlsplit(self.config["AMQP_URI"]).path[1:],
            (self._rabbitmq.user, self._rabbitmq.password),
        )
        api = f"{self._rabbitmq.management_url}/api"
        rights: dict[str, Any] = dict.fromkeys(("configure", "write", "read"), ".*")
        requests.delete(f"{api}/vhosts/{vhost}", auth=login, timeout=30).raise_for_status()
        requests.put(f"{api}/vhosts/{vhost}", auth=login, timeout=30).raise_for_status()
        requests.put(
            f"{api}/permissions/{vhost}/{self._rabbitmq.user}", json=rights, auth=login, timeout=30
        ).raise_for_status()


_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"""


class Writer:
    """Somebody who makes todos all the time; ``made`` is how many were accepted."""

    def __init__(self, kept: Kept, user_id: str) -> None:
        self.made = 0
        self._todos = kept.somebody(user_id=user_id).todos
        self._thread = eventlet.spawn(self._write)

    def _write(self) -> None:
        while True:
            self._todos.create({"title": str(self.made)})
            self.made += 1
            eventlet.sleep(0.05)

    def stop(self) -> None:
        """Stop after the todo that is being made."""
        self._thread.kill()
