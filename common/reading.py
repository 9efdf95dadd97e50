"""What a consumer reads from the broker, past py-amqp where that takes longer than it has to.

A message costs py-amqp three reads, each with a time-out of its own, and several objects. Here is the wait
for the first, and the way of those that came together with it; all else stays for py-amqp.
"""

from collections.abc import Callable
from typing import Any

import amqp
from amqp import method_framing
from eventlet.hubs import trampoline
from kombu import Connection
from kombu.message import Message as Received

from common import pace
from common.transport import frames

Take = Callable[[Received], None]


class Readable(amqp.Message):
    """A message that can always be read; one whose properties can't be has none, and is set aside for that.

    py-amqp's own raises out of the loop that reads: the process ends, and the message comes to the next.
    """

    def _load_properties(self, class_id: int, header: bytes, offset: int) -> int:
        found = frames.Delivery(0, 0, {})
        frames.read_properties(found, header)
        self.properties = {**found.properties, "application_headers": found.headers}
        return offset


method_framing.Message = Readable


def await_something(connection: Connection, period: float) -> None:
    """Wait until there is something to read; TimeoutError if there is not until the next ``period`` is over.

    py-amqp would set a time-out for the read, and a timer for it that is not due with all others.
    """
    transport = connection.connection.transport
    if transport.sock is None or transport._read_buffer or _has_decrypted(transport.sock):
        return
    trampoline(transport.sock, read=True, timeout=pace.until_next(period), timeout_exc=TimeoutError)


def _has_decrypted(sock: Any) -> bool:
    """Whether TLS holds bytes that its socket does not tell of any more."""
    return hasattr(sock, "pending") and bool(sock.pending())


def take_more(connection: Any, channel: Any) -> None:
    """Take on what was read together with the last message, with a third of what py-amqp takes for one.

    What is no message as a whole, or not for a consumer that takes them undecoded, stays for py-amqp.
    """
    transport, place, taken = connection.transport, 0, []
    while found := frames.delivery_at(transport._read_buffer, place):
        message, tag, end = found
        take = _take_of(message, tag, channel)
        if take is None:
            break
        place = end
        taken.append((take, _as_kombu_has_it(message, channel)))
    if taken:
        transport._read_buffer = transport._read_buffer[place:]
        connection.bytes_recv += 3 * len(taken)  # frames, in spite of its name: a sign of life each
    for take, received in taken:
        take(received)


def _take_of(message: frames.Delivery, tag: str, channel: Any) -> Take | None:
    """What the consumer with that tag does with a message that is not decoded."""
    if message.channel != channel.channel_id or "compression" in message.headers:
        return None
    consumer = getattr(channel.callbacks.get(tag), "__self__", None)
    take: Take | None = getattr(consumer, "on_message", None)
    return take


def _as_kombu_has_it(message: frames.Delivery, channel: Any) -> Received:
    properties = message.properties
    return Received(
        body=message.body, delivery_tag=message.tag, channel=channel,
        content_type=properties.get("content_type"), content_encoding=properties.get("content_encoding"),
        delivery_info={**message.delivery_info, "delivery_tag": message.tag}, properties=properties,
        headers=message.headers,
    )  # fmt: skip
