"""Commands to MongoDB that the driver makes once more when their answer is lost, with less around each."""

from collections.abc import Callable
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError, WaitQueueTimeoutError

Document = dict[str, Any]


def run(
    collection: Collection[Document], command: Document, is_lost: Callable[[Document], bool] = lambda _: False
) -> tuple[Document, bool]:
    """The answer, and whether it is that of a second try.

    Like the driver's own reads and writes a command is sent once more if the connection was lost, if the
    server is no primary any more, or if ``is_lost`` says so of the first answer.
    """

    def send() -> Document:
        answer: Document = collection.database.command(command, codec_options=collection.codec_options)
        return answer

    try:
        answer = send()
        if not is_lost(answer):
            return answer, False
    except (ServerSelectionTimeoutError, WaitQueueTimeoutError):
        raise  # it was not sent
    except AutoReconnect:
        pass
    return send(), True
