"""A private MongoDB: a replica set of one, as transactions and change streams need it."""

import shutil
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ops.engines.ports import LOOPBACK
from ops.engines.process import Engine, EngineError

FETCHED_PROGRAM = Path(__file__).resolve().parents[2] / ".local" / "bin" / "mongod"
REPLICA_SET = "rs0"
NOT_YET_INITIALIZED = 94
_TRANSACTION_SECONDS = 15
CLIENT_OPTIONS: dict[str, Any] = {
    "directConnection": True,
    "serverSelectionTimeoutMS": 1000,
    "connectTimeoutMS": 1000,
    "socketTimeoutMS": 10000,
}


class MongoDB(Engine):
    """A mongod whose replica set has itself as its only member."""

    name = "mongodb"

    def __init__(self, directory: Path, port: int, fast: bool = False) -> None:
        super().__init__(directory, port)
        self._cache_gb = 0.25 if fast else 0.5

    @property
    def uri(self) -> str:
        """The server's address."""
        return f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true"

    @property
    def member(self) -> str:
        """The server's name in its replica set."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Makes the data directory."""
        (self.directory / "data").mkdir(exist_ok=True)

    def command(self) -> list[str]:
        """The server's command line; its own log stays out of the terminal."""
        return [
            *(_program(), "--port", str(self.port), "--bind_ip", LOOPBACK),
            *("--dbpath", str(self.directory / "data"), "--replSet", REPLICA_SET),
            *("--oplogSize", "128", "--wiredTigerCacheSizeGB", str(self._cache_gb)),
            *("--nounixsocket", "--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            # Longer than the suite's longest: what is open by then was left by a process that died.
            *("--setParameter", f"transactionLifetimeLimitSeconds={_TRANSACTION_SECONDS}"),
        ]

    def is_ready(self) -> bool:
        """Whether the server takes writes; makes the replica set when there is none yet."""
        try:
            with MongoClient[dict[str, Any]](LOOPBACK, self.port, **CLIENT_OPTIONS) as client:
                hello = client.admin.command("hello")
                if not hello.get("isWritablePrimary") or hello.get("me") != self.member:
                    self._make_replica_set(client)
                    return False
                return True
        except PyMongoError:
            return False

    def _make_replica_set(self, client: MongoClient[dict[str, Any]]) -> None:
        """A kept replica set names the port that it was made with, which may have changed."""
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            members = [{"_id": 0, "host": self.member}]
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
            return
        if config["members"][0]["host"] != self.member:
            config["members"][0]["host"] = self.member
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)


def _program() -> str:
    """The mongod on the PATH, or else the one that ops/install.sh fetched."""
    found = shutil.which("mongod") or (str(FETCHED_PROGRAM) if FETCHED_PROGRAM.exists() else None)
    if not found:
        raise EngineError("mongod is not installed: run ops/install.sh")
    return found
