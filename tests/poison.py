"""Headers of messages that no client's library would write."""

import struct


def table(value: bytes, name: bytes = b"a") -> bytes:
    """A table of one field; the value begins with the letter of its kind."""
    field = bytes((len(name),)) + name + value
    return struct.pack(">I", len(field)) + field


def nested(depth: int, kind: bytes) -> bytes:
    """A list in a list (``A``), or a table in a table (``F``), so many times."""
    value = b"V"
    for _ in range(depth):
        value = kind + (table(value) if kind == b"F" else struct.pack(">I", len(value)) + value)
    return value


DEEP_TABLE, DEEP_LIST = table(nested(3000, b"F")), table(nested(3000, b"A"))


def properties(headers: bytes, content_type: bytes = b"", reply_to: bytes = b"") -> tuple[int, bytes]:
    """Flags and values of a message's properties."""
    flags, values = 1 << 13, headers
    if content_type:
        flags, values = flags | 1 << 15, bytes((len(content_type),)) + content_type + values
    if reply_to:
        flags, values = flags | 1 << 9, values + bytes((len(reply_to),)) + reply_to
    return flags, values


def header(headers: bytes, content_type: bytes = b"") -> bytes:
    """What a content header frame holds."""
    flags, values = properties(headers, content_type)
    return struct.pack(">HHQH", 60, 0, 0, flags) + values
