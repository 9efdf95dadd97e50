"""Ids of requests, calls and events: random bits, with no more work than it takes to write them down.

Python's UUID takes several times as long to be drawn, checked and written.
"""

import os


def new_id() -> str:
    """One that nobody has had before."""
    return os.urandom(16).hex()


def new_uuid() -> str:
    """The same as a UUID of version 4 (RFC 9562) is written."""
    text = os.urandom(16).hex()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
