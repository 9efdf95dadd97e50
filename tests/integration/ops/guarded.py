"""A MongoDB that lets nobody in without a login, and the users of ops/mongodb_rights.py in it."""

import secrets
from typing import Any

from pymongo import MongoClient

from ops.engines import MongoDB
from ops.engines.mongodb import CLIENT_OPTIONS, REPLICA_SET
from ops.engines.ports import LOOPBACK
from ops.mongodb_rights import ROLES

ADMIN, PASSWORD = "root", "sesame-0123456789"
Client = MongoClient[dict[str, Any]]


class GuardedMongoDB(MongoDB):
    """One mongod with authorization; a replica set wants a key file for that."""

    def prepare(self) -> None:
        """A key that the members of the replica set would share."""
        super().prepare()
        key = self.directory / "key"
        key.write_text(secrets.token_hex(32))
        key.chmod(0o600)

    def command(self) -> list[str]:
        """With the key, and so with logins."""
        return [*super().command(), "--keyFile", str(self.directory / "key")]

    def finish_setup(self) -> None:
        """The first user, whom mongod lets anybody on its host make, and the others."""
        with Client(LOOPBACK, self.port, **CLIENT_OPTIONS) as client:
            client.admin.command("createUser", ADMIN, pwd=PASSWORD, roles=["root"])
        with Client(self.uri_of(ADMIN)) as client:
            for user, roles in ROLES.items():
                told = [{"role": role, "db": database} for role, database in roles]
                client.admin.command("createUser", user, pwd=PASSWORD, roles=told)

    def uri_of(self, user: str) -> str:
        """The server's address with a user's login."""
        return f"mongodb://{user}:{PASSWORD}@{LOOPBACK}:{self.port}/?directConnection=true&authSource=admin"

    def _make_replica_set(self, client: Client) -> None:
        # Before there is a user, nothing may be asked and this may be done.
        members = [{"_id": 0, "host": self.member}]
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
