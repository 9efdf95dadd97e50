"""The insertion of one document with less around it than the driver's, on both sides."""

from collections.abc import Callable

import bson
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WriteError,
)

from common.mongo import DUPLICATE_KEY, Document

_OF_THE_MOMENT = {6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}
"""What a server says that goes, or is no primary any more (MongoDB's specification of retryable writes)."""


def insert_at_once(collection: Collection[Document], document: Document) -> None:
    """Store a document that has its ``_id``; raises what ``insert_one`` raises.

    The driver numbers each of its writes, and the server keeps the number of the last one in a document of
    its own, so that a write whose answer was lost can be made again and is made once. Here it is the ``_id``
    that shows whether it was: what is there already and is the same is this one.
    """
    is_second = False
    try:
        answer = _sent(collection, document)
    except (ServerSelectionTimeoutError, WaitQueueTimeoutError):
        raise
    except AutoReconnect:
        is_second, answer = True, _sent(collection, document)
    if not is_second and answer.get("writeConcernError", {}).get("code") in _OF_THE_MOMENT:
        is_second, answer = True, _sent(collection, document)
    _check(answer, lambda: is_second and _is_there(collection, document))


def _sent(collection: Collection[Document], document: Document) -> Document:
    command: Document = {"insert": collection.name, "documents": [document], "ordered": True}
    if concern := collection.write_concern.document:
        command["writeConcern"] = concern
    answer: Document = collection.database.command(command, codec_options=collection.codec_options)
    return answer


def _check(answer: Document, is_there: Callable[[], bool]) -> None:
    # Also of a document that was there the server tells whether it is on enough members.
    if errors := answer.get("writeErrors"):
        told = errors[0]
        is_taken = told["code"] == DUPLICATE_KEY
        if not (is_taken and is_there()):
            raise (DuplicateKeyError if is_taken else WriteError)(told["errmsg"], told["code"], told)
    if told := answer.get("writeConcernError"):
        raise WriteConcernError(told.get("errmsg", ""), told.get("code"), told)


def _is_there(collection: Collection[Document], document: Document) -> bool:
    as_stored = bson.decode(bson.encode(document), collection.codec_options)
    return bool(as_stored == collection.find_one({"_id": document["_id"]}))
