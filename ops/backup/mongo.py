"""MongoDB, document by document as it stores them: all databases of one instant, then their indexes.

The members are laid out as mongodump does it (``<database>/<collection>.bson`` and ``.metadata.json``), so
mongorestore reads them, too.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import bson
from bson import json_util
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from ops.backup.refusal import BackupError

DATABASES = ("todos", "notifications", "messaging")
Tell = Callable[[str], None]
Document = dict[str, Any]
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_SNAPSHOT_UNAVAILABLE, _NO_SNAPSHOTS, _SNAPSHOT_TOO_OLD = 246, (72, 123, 263), 239
_BATCH = 1000
_TRIES = 5
_SERVER_SECONDS = 5


class Snapshot:
    """One instant of all databases, as long as the server keeps its history."""

    def __init__(self, client: MongoClient[Document], session: ClientSession, names: list[str]) -> None:
        self._client, self._session, self.names = client, session, names

    def dump(self, folder: Path, tell: Tell) -> dict[str, int]:
        """Write every collection; their documents."""
        counts = {}
        with translated():
            for name in self.names:
                database, _, collection = name.partition(".")
                place = folder / database / quote(collection, safe="")
                place.parent.mkdir(parents=True, exist_ok=True)
                counts[name] = self._dump(database, collection, place)
                size = place.with_name(f"{place.name}.bson").stat().st_size
                tell(f"MongoDB {name}: {counts[name]:,} documents, {size / 1e6:,.1f} MB")
        return counts

    def _dump(self, database: str, collection: str, place: Path) -> int:
        source, count = self._client[database][collection], 0
        indexes = [dict(index) for index in source.list_indexes()]
        about = {"collectionName": collection, "options": source.options(), "indexes": indexes}
        text = json_util.dumps(about, json_options=json_util.CANONICAL_JSON_OPTIONS)
        place.with_name(f"{place.name}.metadata.json").write_text(text)
        with place.with_name(f"{place.name}.bson").open("wb") as file:
            batches: Any = source.find_raw_batches({}, session=self._session)  # of bytes
            for batch in batches:
                file.write(batch)
                count += _documents_in(batch)
        return count


class Mongo:
    """The suite's databases at an address."""

    def __init__(self, uri: str, databases: tuple[str, ...] = DATABASES) -> None:
        self._databases = databases
        with translated():
            self.client: MongoClient[Document] = MongoClient(
                uri, appname="backup", tz_aware=True, serverSelectionTimeoutMS=_SERVER_SECONDS * 1000,
                connectTimeoutMS=_SERVER_SECONDS * 1000,
            )  # fmt: skip

    @property
    def mail_databases(self) -> tuple[str, str]:
        """The ledger's and the delivery log's."""
        _, deliveries, ledger = self._databases
        return ledger, deliveries

    def version(self) -> str:
        """The server's version."""
        with translated():
            return str(self.client.server_info()["version"])

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Hold on to the instant of this call."""
        for _ in range(_TRIES):
            with translated(), self.client.start_session(snapshot=True) as session:
                names = self._read_one_of_each(session)
                if names is not None and names == self.collections():
                    yield Snapshot(self.client, session, names)
                    return
        raise BackupError("MongoDB: collections or indexes are being made all the time: try again later.")

    def collections(self) -> list[str]:
        """The collections of all databases, by their full names."""
        with translated():
            found = [
                f"{database}.{name}"
                for database in self._databases
                for name in self.client[database].list_collection_names(filter={"type": "collection"})
            ]
        return sorted(name for name in found if not name.partition(".")[2].startswith("system."))

    def clear(self) -> None:
        """Drop the databases."""
        with translated():
            for database in self._databases:
                self.client.drop_database(database)

    def restore(self, folder: Path, tell: Tell) -> dict[str, int]:
        """Read a dump into empty databases; the documents by collection."""
        counts = {}
        with translated():
            for path in sorted(folder.glob("*/*.bson")):
                database, collection = path.parent.name, unquote(path.name.removesuffix(".bson"))
                counts[f"{database}.{collection}"] = self._restore(database, collection, path)
                tell(f"MongoDB {database}.{collection}: {counts[f'{database}.{collection}']:,} documents")
        return counts

    def _restore(self, database: str, collection: str, path: Path) -> int:
        db = self.client[database]
        metadata = path.with_name(f"{path.name.removesuffix('.bson')}.metadata.json").read_text()
        about = json_util.loads(metadata, json_options=json_util.CANONICAL_JSON_OPTIONS)
        db.command({"create": collection, **about["options"]})
        target, count = db.get_collection(collection, codec_options=_RAW), 0
        with path.open("rb") as file:
            documents = bson.decode_file_iter(file, _RAW)
            while batch := list(islice(documents, _BATCH)):
                # They were valid when they were written, by the rules of their time.
                target.insert_many(batch, ordered=False, bypass_document_validation=True)
                count += len(batch)
        indexes = [index for index in about["indexes"] if index["name"] != "_id_"]
        if indexes:
            db.command({"createIndexes": collection, "indexes": indexes})
        return count

    def _read_one_of_each(self, session: ClientSession) -> list[str] | None:
        """The first read sets the instant; None if a collection or an index is younger than that."""
        names = self.collections()
        try:
            for name in names:
                database, _, collection = name.partition(".")
                self.client[database][collection].find_one({}, {"_id": 1}, session=session)
        except OperationFailure as problem:
            if problem.code != _SNAPSHOT_UNAVAILABLE:
                raise
            return None
        return names


def _documents_in(batch: bytes) -> int:
    count = place = 0
    while place < len(batch):
        place += struct.unpack_from("<i", batch, place)[0]
        count += 1
    return count


@contextmanager
def translated() -> Iterator[None]:
    """Raise BackupError, in one line, for what the driver raises."""
    try:
        yield
    except OperationFailure as problem:
        raise BackupError(f"MongoDB: {_explain(problem)}.") from problem
    except (PyMongoError, ConfigurationError, bson.errors.BSONError) as problem:
        raise BackupError(f"MongoDB: {_line(problem)}; check MONGODB_URI.") from problem


def _explain(problem: OperationFailure) -> str:
    if problem.code == _SNAPSHOT_TOO_OLD:
        return "it has not kept the snapshot for long enough: raise minSnapshotHistoryWindowInSeconds"
    if problem.code in _NO_SNAPSHOTS:
        return "snapshots need a replica set, of one member at least"
    return _line(problem)


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200] or type(problem).__name__
