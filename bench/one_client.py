"""One client that asks the same thing again and again, one after the other, and notes when.

It writes and reads its socket itself: a client library's own time would be part of the figures.
"""

import socket
import time
from urllib.parse import urlsplit

from bench.load import Request
from bench.steps import Mark

_SECONDS = 10
_END = b"\r\n\r\n"


def ask(request: Request, times: int) -> list[Mark]:
    """When each request was sent and its answer was read; an answer that is not 200 ends the measurement."""
    address, data = urlsplit(request.url), head_of(request)
    marks: list[Mark] = []
    with socket.create_connection((address.hostname, address.port or 80), _SECONDS) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            marks.append(("sent", time.monotonic_ns()))
            sock.sendall(data)
            _read(sock)
            marks.append(("received", time.monotonic_ns()))
    return marks


def head_of(request: Request) -> bytes:
    """A GET as it goes over the wire."""
    address = urlsplit(request.url)
    lines = [
        f"GET {address.path} HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {request.token}",
        "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def rest_of(answer: bytes) -> int:
    """How many bytes of an answer are still to come; 1 as long as its head is not complete."""
    head, end, body = answer.partition(_END)
    if not end:
        return 1
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"not answered as it should be: {answer[:300]!r}")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return int(fields[b"content-length"]) - len(body)


def _read(sock: socket.socket) -> None:
    answer = b""
    while rest_of(answer) > 0:
        data = sock.recv(65536)
        if not data:
            raise RuntimeError("the connection was closed before the answer was complete")
        answer += data
