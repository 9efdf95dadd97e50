"""Messages of the broker in a file, one a line, and from there back to where they belong."""

import base64
import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import amqp
from amqp.exceptions import AMQPError

from common import topology
from common.broker import connect
from common.delivery import BOOKKEEPING
from ops.backup.refusal import BackupError

_TOGETHER = 500


def write(file: IO[str], message: amqp.Message) -> int:
    """Add a message to the file; 1, for counting."""
    info = message.delivery_info
    headers = message.headers or {}
    is_dead = info["exchange"] == topology.DEAD_LETTERS
    # What has failed starts anew, unless it is done with.
    kept = {name: value for name, value in headers.items() if is_dead or name not in BOOKKEEPING}
    told = {
        "exchange": "" if info["exchange"] == topology.DELAYS.name else info["exchange"],
        "routing_key": info["routing_key"],
        "headers": {name: value for name, value in kept.items() if _is_plain(name, value)},
        "properties": {
            name: value
            for name, value in message.properties.items()
            if name != "application_headers" and isinstance(value, str | int)
        },
        "body": base64.b64encode(message.body).decode(),
    }
    file.write(json.dumps(told) + "\n")
    return 1


def _is_plain(name: str, value: object) -> bool:
    return not name.startswith("x-") and isinstance(value, str | int)


def _message(told: dict[str, Any]) -> amqp.Message:
    properties = {name: value for name, value in told["properties"].items() if name != "expiration"}
    properties["delivery_mode"] = 2
    body = base64.b64decode(told["body"])
    return amqp.Message(body, application_headers=told["headers"], **properties)


def _mail_in(told: dict[str, Any]) -> str:
    try:
        return str(json.loads(base64.b64decode(told["body"])).get("message_id", ""))
    except (ValueError, AttributeError):
        return ""


def publish(config: dict[str, Any], path: Path, skip: set[str]) -> int:
    """Put the messages of such a file where they belong, but no dead letters of the mails in ``skip``."""
    count = 0
    with translated(), connect(config) as connection, path.open() as file:
        channel = connection.default_channel
        channel.tx_select()
        for line in file:
            told = json.loads(line)
            if told["exchange"] != topology.DEAD_LETTERS or _mail_in(told) not in skip:
                channel.basic_publish(_message(told), told["exchange"], told["routing_key"])
                count += 1
                if count % _TOGETHER == 0:
                    channel.tx_commit()
        channel.tx_commit()
    return count


@contextmanager
def translated() -> Iterator[None]:
    """Raise BackupError, in one line, for what the broker's client raises."""
    try:
        yield
    except (AMQPError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
            raise  # of the disk here
        reason = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise BackupError(f"RabbitMQ: {reason}; check RABBITMQ_URL.") from problem
