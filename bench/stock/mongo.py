"""A MongoDB database as a dependency."""

from typing import Any

from nameko.extensions import DependencyProvider
from pymongo import MongoClient
from pymongo.database import Database


class MongoDatabase(DependencyProvider):
    """Injects the database of the address, with an index on a collection."""

    def __init__(self, collection: str, index: list[tuple[str, int]]) -> None:
        self.collection, self.index = collection, index

    def setup(self) -> None:
        """Connect and make the index."""
        self.client: MongoClient[dict[str, Any]] = MongoClient(
            self.container.config["MONGODB_URI"], tz_aware=True
        )
        self.db: Database[dict[str, Any]] = self.client.get_default_database()
        self.db[self.collection].create_index(self.index)

    def stop(self) -> None:
        """Close the connections."""
        self.client.close()

    def get_dependency(self, worker_ctx: Any) -> Database[dict[str, Any]]:
        """The same for every worker."""
        return self.db
