"""AMQP 0-9-1 on the wire: the few frames that calls are made of, written and read in one pass each.

Source: the AMQP 0-9-1 specification, 2.3.5 (frames), 4.2.5 (field tables), 4.2.6 (content), and the method
numbers of its section 1.8 (basic). py-amqp does everything else: handshake, login, declarations.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from struct import error as StructError
from typing import Any

from amqp.exceptions import FrameSyntaxError, UnexpectedFrame
from amqp.serialization import _read_item

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
DELIVER, RETURN = (60, 60), (60, 50)
_FRAME, _SIGNATURE, _CONTENT = Struct(">BHI"), Struct(">HH"), Struct(">HHQH")
_LONG, _TAG = Struct(">I"), Struct(">QB")
_ACK, _REJECT = Struct(">BHIHHQBB"), Struct(">BHIHHQBB")
_END = b"\xce"
_OVERHEAD = 8
_REQUEST, _REPLY = 0b1111_0111_0000_0000, 0b1101_0100_0000_0000
_JSON_PROPERTIES = b"\x10application/json\x05utf-8"
_TRANSIENT = b"\x01"
HEARTBEAT_FRAME = _FRAME.pack(HEARTBEAT, 0, 0) + _END
CLOSE_CONNECTION = _FRAME.pack(METHOD, 0, 11) + _SIGNATURE.pack(10, 50) + b"\0\xc8\0\0\0\0\0" + _END
CONNECTION_CLOSED = _FRAME.pack(METHOD, 0, 4) + _SIGNATURE.pack(10, 51) + _END

_NAMES = (
    (15, "content_type", "s"), (14, "content_encoding", "s"), (13, "headers", "F"),
    (12, "delivery_mode", "o"), (11, "priority", "o"), (10, "correlation_id", "s"), (9, "reply_to", "s"),
    (8, "expiration", "s"), (7, "message_id", "s"), (6, "timestamp", "T"), (5, "type", "s"),
    (4, "user_id", "s"), (3, "app_id", "s"), (2, "cluster_id", "s"),
)  # fmt: skip
# OSError: the system's word for a timestamp that is no year of its calendar.
_BROKEN = (StructError, IndexError, ValueError, OverflowError, OSError, RecursionError, FrameSyntaxError)
_DEEPEST = 32
"""How deep tables and lists may be nested: what is read has to be written again where it is set aside."""


def short(text: str) -> bytes:
    """A short string: at most 255 bytes; ValueError beyond."""
    raw = text.encode()
    return bytes((len(raw),)) + raw


def _table(values: Mapping[str, Any]) -> bytes:
    parts: list[bytes] = []
    for key, value in values.items():
        parts += (short(key), _value(value))
    raw = b"".join(parts)
    return _LONG.pack(len(raw)) + raw


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        raw, kind = value.encode(), b"S"
    else:
        raw, kind = b"".join(map(_value, value)), b"A"
    return kind + _LONG.pack(len(raw)) + raw


def request_properties(
    headers: Mapping[str, Any], correlation_id: str, reply_to: str, expiration: str
) -> tuple[int, bytes]:
    """Flags and values of a call's properties. ``headers``: texts, and lists of texts."""
    values = (
        _JSON_PROPERTIES, _table(headers), _TRANSIENT, short(correlation_id), short(reply_to),
        short(expiration),
    )  # fmt: skip
    return _REQUEST, b"".join(values)


def reply_properties(correlation_id: str) -> tuple[int, bytes]:
    """Flags and values of a reply's properties."""
    return _REPLY, _JSON_PROPERTIES + _TRANSIENT + short(correlation_id)


def publish(
    channel: int,
    address: tuple[str, str],
    properties: tuple[int, bytes],
    body: bytes,
    frame_max: int,
    mandatory: bool = False,
) -> bytes:
    """A message as it goes to the broker: the method, its header, the body in as many frames as it takes.

    ``address`` is the exchange and the routing key.
    """
    flags, values = properties
    method = b"\0\x3c\0\x28\0\0" + short(address[0]) + short(address[1]) + (b"\x01" if mandatory else b"\0")
    header = _CONTENT.pack(60, 0, len(body), flags) + values
    parts = [_FRAME.pack(METHOD, channel, len(method)), method, _END]
    parts += (_FRAME.pack(HEADER, channel, len(header)), header, _END)
    most = frame_max - _OVERHEAD
    for start in range(0, len(body), most):
        piece = body[start : start + most]
        parts += (_FRAME.pack(BODY, channel, len(piece)), piece, _END)
    return b"".join(parts)


def ack(channel: int, tag: int, multiple: bool) -> bytes:
    """``basic.ack`` of a delivery, or of all up to it."""
    return _ACK.pack(METHOD, channel, 13, 60, 80, tag, multiple, 0xCE)


def requeue(channel: int, tag: int) -> bytes:
    """``basic.reject``: the broker puts the delivery back into its queue."""
    return _REJECT.pack(METHOD, channel, 13, 60, 90, tag, 1, 0xCE)


def cancel(channel: int, consumer_tag: str) -> bytes:
    """``basic.cancel``: no more deliveries; the broker answers when it has sent the last one."""
    method = b"\0\x3c\0\x1e" + short(consumer_tag) + b"\0"
    return _FRAME.pack(METHOD, channel, len(method)) + method + _END


class Delivery:
    """A message that the broker has delivered or given back, with kombu's names for its parts."""

    __slots__ = (
        "body", "channel", "delivery_info", "epoch", "headers", "properties", "settled", "tag",
    )  # fmt: skip

    def __init__(self, channel: int, tag: int, info: dict[str, Any]) -> None:
        self.channel = channel
        self.tag = tag
        self.delivery_info = info
        self.properties: dict[str, Any] = {}
        self.headers: dict[str, Any] = {}
        self.body = b""
        self.epoch = 0
        self.settled = False


Handle = Callable[[Delivery], None]
Other = Callable[[int, tuple[int, int], bytes], None]


class Reader:
    """Turns the bytes of a connection into deliveries, returned messages, and other methods.

    ``feed`` may be given bytes cut anywhere. A body is kept as bytes and not looked into. Properties that
    can't be read leave a message without any.
    """

    def __init__(self, deliver: Handle, returned: Handle, other: Other) -> None:
        self._deliver = deliver
        self._returned = returned
        self._other = other
        self._rest = b""
        self._open: dict[int, tuple[Delivery, Handle, list[bytes], int]] = {}

    def feed(self, data: bytes) -> None:
        """Take in what the socket gave; UnexpectedFrame if that is no AMQP."""
        if self._rest:
            data = self._rest + data
        place, end = 0, len(data)
        while end - place >= _OVERHEAD:
            kind, channel, size = _FRAME.unpack_from(data, place)
            after = place + 7 + size
            if after >= end:
                break
            if data[after] != 0xCE:
                raise UnexpectedFrame(f"a frame ends in {data[after]:#04x}")
            self._frame(kind, channel, data[place + 7 : after])
            place = after + 1
        self._rest = data[place:]

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == METHOD:
            self._method(channel, payload)
        elif kind == HEADER:
            message, handle, _, _ = self._open[channel]
            size = _CONTENT.unpack_from(payload)[2]
            read_properties(message, payload)
            self._open[channel] = (message, handle, [], size)
            if not size:
                self._complete(channel)
        elif kind == BODY:
            message, handle, pieces, left = self._open[channel]
            pieces.append(payload)
            self._open[channel] = (message, handle, pieces, left - len(payload))
            if left == len(payload):
                self._complete(channel)

    def _method(self, channel: int, payload: bytes) -> None:
        signature = _SIGNATURE.unpack_from(payload)
        if signature == DELIVER:
            self._open[channel] = (_delivered(channel, payload), self._deliver, [], 0)
        elif signature == RETURN:
            message = Delivery(channel, 0, {})
            self._open[channel] = (message, self._returned, [], 0)
        else:
            self._other(channel, signature, payload)

    def _complete(self, channel: int) -> None:
        message, handle, pieces, _ = self._open.pop(channel)
        message.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        handle(message)


def _delivered(channel: int, payload: bytes) -> Delivery:
    place = 5 + payload[4]
    tag, redelivered = _TAG.unpack_from(payload, place)
    place += 9
    exchange, place = _short_at(payload, place)
    routing_key, _ = _short_at(payload, place)
    info = {"exchange": exchange, "routing_key": routing_key, "redelivered": bool(redelivered)}
    return Delivery(channel, tag, info)


def delivery_at(data: bytes, place: int) -> tuple[Delivery, str, int] | None:
    """The delivery that begins there, its consumer's tag, and where it ends.

    None for what is not there as a whole, has its body in several frames or none, or is anything else.
    """
    try:
        method, after_method = _payload(data, place)
        header, after_header = _payload(data, after_method)
        body, end = _payload(data, after_header)
        kinds = data[place], data[after_method], data[after_header]
        size = _CONTENT.unpack_from(data, header)[2]
        is_whole = kinds == (METHOD, HEADER, BODY) and size == end - 1 - body
        if not is_whole or _SIGNATURE.unpack_from(data, method) != DELIVER:
            return None
    except (StructError, IndexError):
        return None
    payload = data[method : after_method - 1]
    message = _delivered(_FRAME.unpack_from(data, place)[1], payload)
    read_properties(message, data[header : after_header - 1])
    message.body = data[body : end - 1]
    return message, _short_at(payload, 4)[0], end


def _payload(data: bytes, place: int) -> tuple[int, int]:
    """Where the payload of the frame that begins there starts, and where the next frame does."""
    after = place + 7 + _FRAME.unpack_from(data, place)[2]
    if data[after] != 0xCE:
        raise IndexError(after)
    return place + 7, after + 1


def _short_at(raw: bytes, place: int) -> tuple[str, int]:
    end = place + 1 + raw[place]
    return raw[place + 1 : end].decode("utf-8", "replace"), end


def read_properties(message: Delivery, payload: bytes) -> None:
    """Fill in a message's properties and headers from its content header."""
    found: dict[str, Any] = {}
    try:
        flags, place = _CONTENT.unpack_from(payload)[3], 14
        for bit, name, kind in _NAMES:
            if flags >> bit & 1:
                found[name], place = _read(kind, payload, place)
    except _BROKEN:
        return
    message.headers = found.pop("headers", {})
    message.properties = found


def _read(kind: str, raw: bytes, place: int) -> tuple[Any, int]:
    if kind == "s":
        return _short_at(raw, place)
    if kind == "o":
        return raw[place], place + 1
    if kind == "T":
        return int.from_bytes(raw[place : place + 8], "big"), place + 8
    return _headers(raw, place)


def _headers(raw: bytes, place: int) -> tuple[dict[str, Any], int]:
    end = place + 4 + _LONG.unpack_from(raw, place)[0]
    place += 4
    found = {}
    while place < end:
        key, place = _short_at(raw, place)
        if raw[place] == 83:  # "S", a text: nearly always
            start = place + 5
            place = start + _LONG.unpack_from(raw, place + 1)[0]
            found[key] = raw[start:place].decode("utf-8", "replace")
        else:
            found[key], place = _read_item(raw, place)
            _check_depth(found[key], _DEEPEST)
    return found, end


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise ValueError("nested too deep")
        for one in value.values() if isinstance(value, dict) else value:
            _check_depth(one, left - 1)
