"""Reads by key of many green threads in one query: what has gathered while the last one was under way.

Who may see a document is for the caller to check: a query is made for many.
"""

from typing import Any

from pymongo.collection import Collection

from common.lane import Lane
from common.mongo import Document, translated
from common.mongo_read import read_at_once


class GroupRead:
    """One for a collection and a process; ``fields`` is what each read is given of a document."""

    def __init__(self, collection: Collection[Document], fields: Document) -> None:
        self._collection = collection
        self._fields = fields
        self._lane = Lane(self._find)

    def read(self, key: Any) -> Document | None:
        """The document with this key. Others may be given the same one, so it is not to be changed.

        Unavailable if the query fails in which this read is, as if it had been made alone.
        """
        with translated():
            found: dict[Any, Document] = self._lane.ask(key)
        return found.get(key)

    def _find(self, keys: list[Any]) -> dict[Any, Document]:
        those = {"_id": keys[0] if len(keys) == 1 else {"$in": keys}}
        found = read_at_once(self._collection, those, self._fields, len(keys))
        return {document["_id"]: document for document in found}
