"""What is said of a database that is away."""

import io
import json
import logging

import pytest
from pymongo.errors import PyMongoError, _OperationCancelled

from common import logging as suite_logging
from common.errors import Unavailable
from common.storage import Door


def test_a_driver_that_gave_up_on_a_silent_server_is_told_in_words() -> None:
    door, written = Door("mongodb", PyMongoError), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(suite_logging.formatter("json"))
    logging.getLogger().addHandler(handler)
    try:
        with pytest.raises(Unavailable), door.translated():
            raise _OperationCancelled("operation cancelled")
    finally:
        logging.getLogger().removeHandler(handler)
    line = json.loads(written.getvalue())
    assert (line["event"], line["database"]) == ("database_down", "mongodb")
    assert line["error"] == "the server does not answer: the driver has ended what waited for it"
