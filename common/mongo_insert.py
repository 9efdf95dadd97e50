"""The insertion of one document with less around it than the driver's, on both sides."""

import bson
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, WriteConcernError, WriteError

from common import mongo_command
from common.mongo import DUPLICATE_KEY, Document

_OF_THE_MOMENT = {6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}
"""What a server says that goes, or is no primary any more (MongoDB's specification of retryable writes)."""


def insert_at_once(collection: Collection[Document], document: Document) -> None:
    """Store a document that has its ``_id``; raises what ``insert_one`` raises.

    The driver numbers each of its writes, and the server keeps the number of the last one in a document of
    its own, so that a write whose answer was lost can be made again and is made once. Here it is the ``_id``
    that shows whether it was: what is there already and is the same is this one.
    """
    command: Document = {"insert": collection.name, "documents": [document], "ordered": True}
    if concern := collection.write_concern.document:
        command["writeConcern"] = concern
    answer, is_second = mongo_command.run(collection, command, _is_lost)
    # Also of a document that was there the server tells whether it is on enough members.
    if errors := answer.get("writeErrors"):
        error = write_error(errors[0])
        is_taken = isinstance(error, DuplicateKeyError)
        if not (is_taken and is_second and _is_there(collection, document)):
            raise error
    if told := answer.get("writeConcernError"):
        raise WriteConcernError(told.get("errmsg", ""), told.get("code"), told)


def write_error(told: Document) -> WriteError:
    """The driver's error for what the server tells of one write."""
    kind = DuplicateKeyError if told["code"] == DUPLICATE_KEY else WriteError
    return kind(told["errmsg"], told["code"], told)


def _is_lost(answer: Document) -> bool:
    return answer.get("writeConcernError", {}).get("code") in _OF_THE_MOMENT


def _is_there(collection: Collection[Document], document: Document) -> bool:
    as_stored = bson.decode(bson.encode(document), collection.codec_options)
    return bool(as_stored == collection.find_one({"_id": document["_id"]}))
