"""What is written is what py-amqp reads, and what it writes is read, however the bytes are cut."""

import io
import itertools
from typing import Any

import amqp
import pytest
from amqp.exceptions import UnexpectedFrame
from amqp.serialization import dumps
from amqp.transport import _AbstractTransport
from hypothesis import given
from hypothesis import strategies as st

from common.transport import frames
from common.transport.frames import Delivery, Reader

FRAME_MAX = 4096
HEADERS = {"nameko.request_id": "ü-1", "nameko.call_id_stack": ["a.b.1", "c.d.2"], "nameko.deadline": "1.5"}


class Bytes(_AbstractTransport):
    """py-amqp's own reader of frames, over bytes."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)
        self._read_buffer = b""

    def _read(self, n: int, initial: bool = False) -> bytes:
        return self._stream.read(n)


def frames_of(data: bytes) -> list[tuple[int, int, bytes]]:
    """The frames in some bytes, as py-amqp reads them."""
    transport, found = Bytes(data), []
    while transport._stream.tell() < len(data):
        found.append(transport.read_frame())
    return found


def delivery(body: bytes, headers: dict[str, Any], **properties: Any) -> bytes:
    """A delivery as a broker sends it, written by py-amqp."""
    message = amqp.Message(body, application_headers=headers, **properties)
    method = b"\0\x3c\0\x3c" + dumps("sLbss", ("consumer", 7, True, "nameko-rpc", "target.echo"))
    header = b"\0\x3c\0\0" + len(body).to_bytes(8, "big") + message._serialize_properties()
    parts = [(1, method), (2, header)]
    parts += [(3, body[start : start + 1000]) for start in range(0, len(body), 1000)]
    return b"".join(
        bytes((kind, 0, 2)) + len(part).to_bytes(4, "big") + part + b"\xce" for kind, part in parts
    )


def read(data: bytes, cuts: list[int] | None = None) -> tuple[list[Delivery], list[Delivery], list[Any]]:
    """What a reader makes of bytes that come in pieces: deliveries, returned messages, other methods."""
    delivered: list[Delivery] = []
    returned: list[Delivery] = []
    others: list[Any] = []
    reader = Reader(delivered.append, returned.append, lambda *other: others.append(other))
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    for start, end in itertools.pairwise(places):
        reader.feed(data[start:end])
    return delivered, returned, others


@pytest.mark.parametrize("size", [0, 1, 4087, 4088, 4089, 20_000])
def test_a_published_message_is_read_by_py_amqp_as_it_was_meant(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    properties = frames.request_properties(HEADERS, "id-1", "amq.rabbitmq.reply-to", "1500")
    data = frames.publish(1, ("nameko-rpc", "todos.list"), properties, body[:size], FRAME_MAX, mandatory=True)
    (kind, channel, method), (_, _, header), *pieces = frames_of(data)
    message = amqp.Message()
    message.inbound_header(header)
    assert (kind, channel) == (1, 1)
    assert method == b"\0\x3c\0\x28" + dumps("Bssbb", (0, "nameko-rpc", "todos.list", True, False))
    assert message.properties == {
        "content_type": "application/json", "content_encoding": "utf-8", "application_headers": HEADERS,
        "delivery_mode": 1, "correlation_id": "id-1", "reply_to": "amq.rabbitmq.reply-to",
        "expiration": "1500",
    }  # fmt: skip
    assert b"".join(payload for _, _, payload in pieces) == body[:size]
    assert all(len(payload) + 8 <= FRAME_MAX for _, _, payload in pieces)


def test_a_reply_has_no_headers_and_the_id_of_its_call() -> None:
    data = frames.publish(2, ("", "somewhere"), frames.reply_properties("id-2"), b"{}", FRAME_MAX)
    message = amqp.Message()
    message.inbound_header(frames_of(data)[1][2])
    assert message.properties == {
        "content_type": "application/json", "content_encoding": "utf-8", "delivery_mode": 1,
        "correlation_id": "id-2",
    }  # fmt: skip


def test_verdicts_are_the_methods_of_the_specification() -> None:
    assert frames_of(frames.ack(2, 9, multiple=True))[0][2] == b"\0\x3c\0\x50" + dumps("Lb", (9, True))
    assert frames_of(frames.requeue(2, 9))[0][2] == b"\0\x3c\0\x5a" + dumps("Lb", (9, True))
    assert frames_of(frames.cancel(2, "tag"))[0][2] == b"\0\x3c\0\x1e" + dumps("sb", ("tag", False))


@given(
    body=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 10_000), max_size=20), times=st.integers(1, 3)
)
def test_a_delivery_is_read_whole_however_its_bytes_are_cut(body: bytes, cuts: list[int], times: int) -> None:
    headers = {**HEADERS, "x-death": 3, "flag": True, "nested": {"a": [1, "b"]}}
    data = delivery(body, headers, content_type="application/json", reply_to="r", correlation_id="c") * times
    delivered, returned, others = read(data, cuts)
    assert [one.body for one in delivered] == [body] * times
    assert all(one.headers == headers for one in delivered)
    assert delivered[0].properties == {
        "content_type": "application/json",
        "reply_to": "r",
        "correlation_id": "c",
    }
    assert delivered[0].delivery_info == {
        "exchange": "nameko-rpc", "routing_key": "target.echo", "redelivered": True,
    }  # fmt: skip
    assert (delivered[0].tag, delivered[0].channel) == (7, 2)
    assert (returned, others) == ([], [])


def test_a_message_that_comes_back_is_told_from_a_delivery() -> None:
    properties = frames.request_properties({}, "id-1", "r", "1")
    data = frames.publish(1, ("nameko-rpc", "nobody.x"), properties, b"{}", FRAME_MAX)
    given_back = b"\0\x3c\0\x32" + dumps("Bsss", (312, "NO_ROUTE", "nameko-rpc", "nobody.x"))
    method = b"\1\0\1" + len(given_back).to_bytes(4, "big") + given_back + b"\xce"
    delivered, returned, _ = read(method + data[data.index(b"\xce\2\0\1") + 1 :])
    assert delivered == []
    assert [one.properties["correlation_id"] for one in returned] == ["id-1"]


def test_other_methods_and_heartbeats_are_told_from_messages() -> None:
    delivered, _, others = read(frames.HEARTBEAT_FRAME + frames.CONNECTION_CLOSED)
    assert delivered == []
    assert others == [(0, (10, 51), b"\0\n\0\x33")]


def test_bytes_that_are_no_amqp_are_refused() -> None:
    with pytest.raises(UnexpectedFrame):
        read(b"\1\0\1\0\0\0\1aX")


@given(st.binary(max_size=200))
def test_properties_that_can_not_be_read_leave_a_message_without_any(garbage: bytes) -> None:
    message = Delivery(2, 1, {})
    frames.read_properties(message, b"\0\x3c\0\0" + bytes(8) + garbage)
    assert isinstance(message.properties, dict)
    assert isinstance(message.headers, dict)


@given(st.lists(st.binary(min_size=1, max_size=999), min_size=1, max_size=4))
def test_deliveries_that_are_whole_are_read_where_they_stand(bodies: list[bytes]) -> None:
    data, place = b"".join(delivery(body, HEADERS, message_id="m-1") for body in bodies), 0
    for body in bodies:
        found = frames.delivery_at(data, place)
        assert found is not None
        message, tag, place = found
        assert (message.body, message.tag, message.channel, tag) == (body, 7, 2, "consumer")
        assert message.headers == HEADERS
        assert message.properties == {"message_id": "m-1"}
    assert place == len(data)
    assert frames.delivery_at(data, place) is None


@given(st.integers(0, 10_000))
def test_a_delivery_that_is_not_whole_yet_is_left(cut: int) -> None:
    data = delivery(b"body", HEADERS)
    assert frames.delivery_at(data[: cut % len(data)], 0) is None


@pytest.mark.parametrize(
    "data",
    [
        delivery(b"", {}),
        delivery(b"x" * 1001, {}),
        frames.HEARTBEAT_FRAME * 3,
        frames.ack(2, 1, multiple=True) + delivery(b"body", {}),
        delivery(b"body", {}).replace(b"\0\x3c\0\x3c", b"\0\x3c\0\x47"),
        delivery(b"body", {})[:-1] + b"\0",
    ],
)
def test_what_is_no_delivery_in_three_frames_is_left(data: bytes) -> None:
    assert frames.delivery_at(data, 0) is None
