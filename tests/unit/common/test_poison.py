"""Whatever stands in a message's header: it is read, and can be set aside again."""

import struct
from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from amqp import method_framing
from hypothesis import given
from hypothesis import strategies as st
from kombu.transport.pyamqp import Channel

from common import broker, delivery
from common.transport import frames
from common.transport.frames import Delivery
from tests.poison import DEEP_LIST, DEEP_TABLE, header, nested, table

_CHANNEL = SimpleNamespace(channel_id=1, connection=SimpleNamespace(frame_max=131_072))
UNREADABLE = {
    "a table in a table": DEEP_TABLE, "a list in a list": DEEP_LIST, "no type": table(b"?"),
    "a table that is too long": b"\xff\xff\xff\xff",
    "a year that the system refuses": table(b"T\x10" + b"\0" * 7),
    "a year that Python refuses": table(b"T\0\x04" + b"\0" * 6),
}  # fmt: skip
UNWRITABLE = {
    "a decimal that can't be written": table(b"D\xff\x7f\xff\xff\xff"),
    "a name that grows": table(b"V", name=b"\xff" * 255), "a name that is no text": table(b"V", name=b"\xff"),
}  # fmt: skip
HEADERS = {"a": 1, "b": "text"}


def both(payload: bytes) -> list[Any]:
    """The message as the two ways to read it have it."""
    over_link = Delivery(1, 1, {})
    frames.read_properties(over_link, payload)
    read_by_amqp = method_framing.Message()
    read_by_amqp.inbound_header(payload)
    read_by_amqp.delivery_info = {}
    return [over_link, Channel.message_to_python(SimpleNamespace(Message=Channel.Message), read_by_amqp)]


def set_aside(message: Any) -> bytes:
    """The copy that goes to the dead letters."""
    headers = {**delivery._kept(message), **delivery._history(message)}
    copy = broker.Message("", "dead", b"", headers, delivery.properties_of(message))
    return broker._wire(copy, _CHANNEL)


@pytest.mark.parametrize("headers", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_message_whose_headers_can_not_be_read_has_none(headers: bytes) -> None:
    for message in both(header(headers, content_type=b"application/json")):
        assert not message.headers
        assert not message.properties.get("content_type")
        assert set_aside(message)


@pytest.mark.parametrize("headers", UNWRITABLE.values(), ids=UNWRITABLE.keys())
def test_a_header_that_can_not_be_written_again_is_left_out_of_the_copy(headers: bytes) -> None:
    for message in both(header(headers)):
        assert message.headers
        assert set_aside(message)


def test_what_is_nested_as_far_as_is_taken_is_copied() -> None:
    for message in both(header(table(nested(30, b"A")))):
        assert message.headers
        assert delivery._kept(message) == message.headers


def test_a_property_that_grows_when_it_is_read_is_left_out_of_the_copy() -> None:
    for message in both(header(table(b"V"), content_type=b"\xff" * 255)):
        assert delivery.properties_of(message) == {}


def test_what_is_in_order_is_read_as_py_amqp_reads_it() -> None:
    written = amqp.Message("", application_headers=HEADERS, content_type="x", priority=3, timestamp=5)
    payload = struct.pack(">HHQ", 60, 0, 0) + written._serialize_properties()
    theirs = amqp.Message()
    theirs.inbound_header(payload)
    _, ours = both(payload)
    assert ours.properties == theirs.properties
    assert ours.headers == HEADERS


@given(st.binary(max_size=200), st.sampled_from(list(b"SsxbBUuIiLlfdDFAtTV")))
def test_no_bytes_do_any_harm(raw: bytes, kind: int) -> None:
    for payload in (header(raw), header(table(bytes((kind,)) + raw)), raw):
        message = Delivery(1, 1, {})
        frames.read_properties(message, payload)
        assert set_aside(message)
