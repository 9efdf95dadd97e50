"""Publishing with confirms: what :meth:`ConfirmedPublisher.publish` returned from, the broker holds.

Nameko's own publisher waits for each confirm before it sends the next message, for ever if the
broker has stopped reading. Here many messages are under way at once, and the wait has an end.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import amqp
import eventlet
from eventlet.semaphore import Semaphore
from kombu import Connection, Queue
from nameko.constants import AMQP_SSL_CONFIG_KEY, AMQP_URI_CONFIG_KEY, LOGIN_METHOD_CONFIG_KEY
from nameko.extensions import SharedExtension

from common.logging import get_logger

log = get_logger()
CONFIRM_SECONDS = 5
CONNECT_SECONDS = 5
TRANSIENT, PERSISTENT = 1, 2
"""How a message is delivered: kept in memory, or on disk."""
_TCP_USER_TIMEOUT = 18  # Linux's option number; py-amqp's own value of 1 s drops slow links
SOCKET_SETTINGS = {_TCP_USER_TIMEOUT: 15_000}


def connect(config: dict[str, Any], seconds: float = CONNECT_SECONDS, heartbeat: int = 0) -> Connection:
    """A connection by the settings that is made at its first use, within ``seconds`` or not at all."""
    return Connection(
        config[AMQP_URI_CONFIG_KEY], ssl=config.get(AMQP_SSL_CONFIG_KEY),
        login_method=config.get(LOGIN_METHOD_CONFIG_KEY), connect_timeout=seconds, heartbeat=heartbeat,
        transport_options={"socket_settings": SOCKET_SETTINGS, "max_retries": 1},
    )  # fmt: skip


class PublishFailed(Exception):
    """The broker did not take a message: not reachable, silent, or refused."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it goes over the wire. ``mandatory``: some queue has to take it."""

    exchange: str
    routing_key: str
    body: bytes | str
    headers: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    mandatory: bool = True


class ConfirmedPublisher(SharedExtension):
    """One connection of a process for all that must not get lost; made at the first use."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = Semaphore(1)
        self._connection: Connection | None = None

    def publish(self, messages: Iterable[Message], declare: Iterable[Queue] = ()) -> None:
        """Send all, then wait until the broker has confirmed each; PublishFailed names the cause.

        The queues in ``declare`` are made first. After a failure any of the messages may have arrived:
        whoever calls sends all of them again, and consumers drop what they have seen.
        """
        with self._turn:
            try:
                self._publish(list(messages), declare)
            except (amqp.AMQPError, OSError) as problem:
                self._disconnect()
                raise PublishFailed(f"{type(problem).__name__}: {problem}") from problem
            except BaseException:
                # Also when this greenthread is killed half-way: the count of confirms is lost with it.
                self._disconnect()
                raise

    def stop(self) -> None:
        """Close the connection."""
        self._disconnect()

    def _publish(self, messages: list[Message], declare: Iterable[Queue]) -> None:
        with eventlet.Timeout(CONNECT_SECONDS + CONFIRM_SECONDS, PublishFailed("no confirm in time")):
            batch = _Batch(self._channel())
            for queue in declare:
                queue(batch.channel).declare()
            for message in messages:
                batch.send(message)
            batch.wait(self._connection)

    def _channel(self) -> tuple[Any, Iterator[int]]:
        if self._connection is None:
            connection = connect(self.container.config)
            connection.connect()
            channel: Any = connection.default_channel
            channel.confirm_select()
            self._connection = connection
            self._tags = itertools.count(1)
        return self._connection.default_channel, self._tags

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                with eventlet.Timeout(1, PublishFailed("close timed out")):
                    connection.release()
            except (PublishFailed, amqp.AMQPError, OSError):
                log.debug("broker_connection_dropped")


class _Batch:
    """The messages of one call, and the confirms that are still owed."""

    def __init__(self, channel: tuple[Any, Iterator[int]]) -> None:
        self.channel, self.tags = channel
        self.pending: set[int] = set()
        self.refused: list[str] = []
        self.channel.events["basic_ack"] = {self._on_ack}
        self.channel.events["basic_nack"] = {self._on_nack}
        self.channel.events["basic_return"] = {self._on_return}

    def send(self, message: Message) -> None:
        """Hand one message to the socket; its confirm comes later."""
        properties = {"delivery_mode": PERSISTENT, **message.properties}
        wire = amqp.Message(message.body, application_headers=message.headers, **properties)
        self.pending.add(next(self.tags))
        self.channel.basic_publish(wire, message.exchange, message.routing_key, message.mandatory)

    def wait(self, connection: Any) -> None:
        """Block this greenthread until nothing is owed; PublishFailed if something was refused."""
        while self.pending:
            connection.drain_events(timeout=CONFIRM_SECONDS)
        if self.refused:
            raise PublishFailed("; ".join(sorted(set(self.refused))))

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self.pending -= {owed for owed in self.pending if owed <= tag} if multiple else {tag}

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self.refused.append("refused by the broker")
        self._on_ack(tag, multiple)

    def _on_return(self, problem: Any, exchange: str, routing_key: str, message: Any) -> None:
        self.refused.append(f"no queue takes {exchange or 'default exchange'} {routing_key}")
