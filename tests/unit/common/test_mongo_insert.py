"""What an insertion makes of answers that a healthy server does not give."""

from typing import Any

import pytest
from bson.codec_options import CodecOptions
from pymongo import WriteConcern
from pymongo.errors import DuplicateKeyError, NotPrimaryError, WriteConcernError

from common.mongo_insert import insert_at_once

STORED: dict[str, Any] = {"ok": 1.0, "n": 1}
GOING = {"code": 91, "errmsg": "Replication is being shut down"}
THERE = {"index": 0, "code": 11000, "errmsg": "E11000 duplicate key", "keyValue": {"_id": 1}}
DOCUMENT = {"_id": 1, "title": "Buy milk"}


class Server:
    """Gives these answers, one after the other; ``found`` is what it has under the key."""

    def __init__(self, *answers: Any, found: Any = None) -> None:
        self.answers, self.found = list(answers), found
        self.name, self.database = "things", self
        self.write_concern, self.codec_options = WriteConcern(), CodecOptions()

    def command(self, command: Any, codec_options: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def find_one(self, query: Any) -> Any:
        return self.found


def insert(server: Any) -> None:
    insert_at_once(server, DOCUMENT)
    assert server.answers == []


@pytest.mark.parametrize(
    "first", [NotPrimaryError("not primary"), STORED | {"writeConcernError": GOING}], ids=["refused", "going"]
)
def test_a_server_that_is_no_primary_any_more_is_asked_once_more(first: Any) -> None:
    insert(Server(first, STORED))
    insert(Server(first, STORED | {"n": 0, "writeErrors": [THERE]}, found=dict(DOCUMENT)))


def test_another_s_document_is_not_taken_for_this_one() -> None:
    lost, taken = NotPrimaryError("not primary"), STORED | {"n": 0, "writeErrors": [THERE]}
    for found in (None, DOCUMENT | {"title": "Buy bread"}):
        with pytest.raises(DuplicateKeyError):
            insert(Server(lost, taken, found=found))
    with pytest.raises(DuplicateKeyError):
        insert(Server(taken, found=dict(DOCUMENT)))  # nothing was lost: somebody else has the same


def test_the_second_answer_is_the_last() -> None:
    with pytest.raises(WriteConcernError):
        insert(Server(STORED | {"writeConcernError": GOING}, STORED | {"writeConcernError": GOING}))
    with pytest.raises(NotPrimaryError):
        insert(Server(NotPrimaryError("one"), NotPrimaryError("two")))


def test_an_error_that_lasts_is_told_at_once() -> None:
    unsatisfiable = {"code": 100, "errmsg": "Not enough data-bearing nodes"}
    with pytest.raises(WriteConcernError) as told:
        insert(Server(STORED | {"writeConcernError": unsatisfiable}))
    assert told.value.code == 100
