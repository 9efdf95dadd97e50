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
from amqp.serialization import dumps
from amqp.transport import SSLTransport
from eventlet.semaphore import Semaphore
from kombu import Connection, Queue
from nameko.constants import AMQP_SSL_CONFIG_KEY, AMQP_URI_CONFIG_KEY, LOGIN_METHOD_CONFIG_KEY
from nameko.extensions import SharedExtension

from common.logging import get_logger
from common.transport import frames

log = get_logger()
CONFIRM_SECONDS = 5
_TOGETHER_BYTES = 64 * 1024
"""How much of several messages goes into one write."""
CONNECT_SECONDS = 5
_FAREWELL_SECONDS = 0.5
_LAST_CONFIRM_SECONDS = 1.0
"""How long a publication that is under way at a stop may still wait for its confirms."""
TRANSIENT, PERSISTENT = 1, 2
"""How a message is delivered: kept in memory, or on disk."""
_READ_BYTES = 16 * 1024
_TCP_USER_TIMEOUT = 18  # Linux's option number; py-amqp's own value of 1 s drops slow links
SOCKET_SETTINGS = {_TCP_USER_TIMEOUT: 15_000}


def _part(transport: Any) -> None:
    # Of the broker's own farewell nothing depends, and py-amqp would wait for it without an end.
    if transport.sock is not None:
        transport.sock.settimeout(_FAREWELL_SECONDS)
        transport.sock = transport.sock.unwrap()


SSLTransport._shutdown_transport = _part


def connect(config: dict[str, Any], seconds: float = CONNECT_SECONDS, heartbeat: int = 0) -> Connection:
    """A connection by the settings that is made at its first use, within ``seconds`` or not at all."""
    return Connection(
        config[AMQP_URI_CONFIG_KEY], ssl=config.get(AMQP_SSL_CONFIG_KEY),
        login_method=config.get(LOGIN_METHOD_CONFIG_KEY), connect_timeout=seconds, heartbeat=heartbeat,
        transport_options={"socket_settings": SOCKET_SETTINGS, "max_retries": 1},
    )  # fmt: skip


def read_ahead(connection: Connection) -> None:
    """Let py-amqp take from the socket what is there: it asks three times for each frame otherwise."""
    transport = connection.connection.transport
    receive = transport._quick_recv
    transport._quick_recv = lambda wanted: receive(max(wanted, _READ_BYTES))


class PublishFailed(Exception):
    """The broker did not take a message: not reachable, silent, or refused."""


class NoQueue(PublishFailed):
    """The broker answers, and has no queue for what is to be sent; all else of the call has arrived."""


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
        self._publishing: Any = None
        self._stopped = False

    def publish(self, messages: Iterable[Message], declare: Iterable[Queue] = ()) -> None:
        """Send all, then wait until the broker has confirmed each; PublishFailed names the cause.

        The queues in ``declare`` are made first. After a failure any of the messages may have arrived:
        whoever calls sends all of them again, and consumers drop what they have seen.
        """
        with self._turn:
            if self._stopped:
                raise PublishFailed("the process stops")
            self._publishing = eventlet.getcurrent()
            try:
                self._publish(list(messages), declare)
            except NoQueue:
                raise  # each message has had its answer, so the connection is as good as before
            except (amqp.AMQPError, OSError) as problem:
                self._disconnect()
                raise PublishFailed(f"{type(problem).__name__}: {problem}") from problem
            except BaseException:
                # Also when this greenthread is killed half-way: the count of confirms is lost with it.
                self._disconnect()
                raise
            finally:
                self._publishing = None

    def stop(self) -> None:
        """Close the connection, once what is under way has ended: only one may read from it at a time."""
        self._stopped = True
        if not self._turn.acquire(timeout=_LAST_CONFIRM_SECONDS):
            if self._publishing is not None:  # else it has ended at just that moment
                eventlet.kill(self._publishing, PublishFailed("no confirm before the process stopped"))
            self._turn.acquire()
        try:
            self._disconnect()
        finally:
            self._turn.release()

    def _publish(self, messages: list[Message], declare: Iterable[Queue]) -> None:
        with eventlet.Timeout(CONNECT_SECONDS + CONFIRM_SECONDS, PublishFailed("no confirm in time")):
            channel, tags = self._channel()
            for queue in declare:
                queue(channel).declare()
            batch = _Batch(channel, tags)
            for message in messages:
                batch.add(message)
            batch.flush()
            batch.wait(self._connection)

    def _channel(self) -> tuple[Any, Iterator[int]]:
        if self._connection is None:
            connection = connect(self.container.config)
            connection.connect()
            read_ahead(connection)
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


def as_bytes(body: bytes | str | memoryview, encoding: str | None) -> bytes:
    """The body as it came: py-amqp makes text of it where it can, and always of an empty one."""
    if not isinstance(body, str):
        return bytes(body)
    try:
        return body.encode(encoding or "utf-8")
    except (LookupError, UnicodeError):  # an encoding that Python does not know, or that is none of text
        return body.encode("utf-8", "surrogatepass")


def _wire(message: Message, channel: Any) -> bytes:
    """The message's frames; what py-amqp makes of one takes ten times as long."""
    body = as_bytes(message.body, message.properties.get("content_encoding"))
    address, frame_max = (message.exchange, message.routing_key), channel.connection.frame_max
    return frames.publish(
        channel.channel_id, address, _properties(message), body, frame_max, message.mandatory
    )


def _properties(message: Message) -> tuple[int, bytes]:
    """Flags and values; bit and form of each are those of the specification's 4.2.6 and of class basic."""
    given = {"delivery_mode": PERSISTENT, **message.properties, "headers": message.headers}
    flags, values = 0, b""
    for name, (bit, write) in _PROPERTIES.items():
        if given.get(name) is not None:
            flags |= bit
            values += write(given[name])
    if unknown := given.keys() - _PROPERTIES.keys():
        raise ValueError(f"no properties of a message: {sorted(unknown)}")
    return flags, values


def _table(headers: dict[str, Any]) -> bytes:
    written: bytes = dumps("F", [headers])
    return written


def _octet(number: int) -> bytes:
    return bytes((number,))


_PROPERTIES: dict[str, tuple[int, Any]] = {
    "content_type": (1 << 15, frames.short), "content_encoding": (1 << 14, frames.short),
    "headers": (1 << 13, _table), "delivery_mode": (1 << 12, _octet), "priority": (1 << 11, _octet),
    "correlation_id": (1 << 10, frames.short), "reply_to": (1 << 9, frames.short),
    "expiration": (1 << 8, frames.short), "message_id": (1 << 7, frames.short),
}  # fmt: skip


def is_sendable(name: str, value: Any) -> bool:
    """Whether a property may have that value: not all that can be read can be written."""
    try:
        _PROPERTIES[name][1](value)
    except Exception:  # of many kinds: py-amqp looks at nothing before it writes
        return False
    return True


class _Batch:
    """The messages of one call, and the confirms that are still owed."""

    def __init__(self, channel: Any, tags: Iterator[int]) -> None:
        self.channel, self.tags = channel, tags
        self.pending: set[int] = set()
        self.refused: list[str] = []
        self.unroutable: list[str] = []
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self.channel.events["basic_ack"] = {self._on_ack}
        self.channel.events["basic_nack"] = {self._on_nack}
        self.channel.events["basic_return"] = {self._on_return}

    def add(self, message: Message) -> None:
        """Hand one message over, to be sent now or with the next ones; its confirm comes later."""
        self._unsent.append(_wire(message, self.channel))
        self._unsent_bytes += len(self._unsent[-1])
        self.pending.add(next(self.tags))
        if self._unsent_bytes > _TOGETHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Give the socket what is not sent yet, in one write."""
        unsent, self._unsent, self._unsent_bytes = self._unsent, [], 0
        self.channel.connection.transport.write(b"".join(unsent))

    def wait(self, connection: Any) -> None:
        """Block this greenthread until nothing is owed; PublishFailed if something was refused."""
        while self.pending:
            connection.drain_events(timeout=CONFIRM_SECONDS)
        if self.refused:
            raise PublishFailed("; ".join(sorted({*self.refused, *self.unroutable})))
        if self.unroutable:
            raise NoQueue("; ".join(sorted(set(self.unroutable))))

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self.pending -= {owed for owed in self.pending if owed <= tag} if multiple else {tag}

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self.refused.append("refused by the broker")
        self._on_ack(tag, multiple)

    def _on_return(self, problem: Any, exchange: str, routing_key: str, message: Any) -> None:
        self.unroutable.append(f"no queue takes {exchange or 'default exchange'} {routing_key}")
