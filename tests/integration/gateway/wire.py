"""HTTP by hand: what no client library would send, or not at that moment."""

import contextlib
import socket

import eventlet

from tests.suite import Suite

CLOSE, CHUNKED = "Connection: close\r\n", "Transfer-Encoding: chunked\r\n"
ENDLESS = [("5;", b"a" * 65536), ("0\r\n", b"a: b\r\n" * 8192), ("", b"-1\r\n" * 16384)]
"""How a body in chunks begins, and what then comes again and again: a line, trailers, chunks of no size."""


def connect(gateway: Suite, seconds: float = 10) -> socket.socket:
    """A connection to the gateway."""
    return socket.create_connection(("127.0.0.1", gateway.ports["gateway"]), timeout=seconds)


def get(path: str = "/health/live", headers: str = "", method: str = "GET", version: str = "1.1") -> bytes:
    """A request without a body."""
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n{headers}\r\n".encode("latin-1")


def post(path: str, headers: str, body: str = "") -> bytes:
    """A request for JSON with these headers, which have to tell the length."""
    kind = "Content-Type: application/json\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{kind}{headers}\r\n{body}".encode("latin-1")


def until_closed(connection: socket.socket) -> str:
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer: status, headers by their names in small letters, and body; a 100 is left out."""
    head = _head(connection)
    while head.startswith("HTTP/1.1 100"):
        head = _head(connection)
    first, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, _exactly(connection, int(headers.get("content-length", 0)))


def answer_to_one_who_sends(connection: socket.socket, endless: bytes) -> int:
    """The status of the answer to a client that sends and sends."""

    def send() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(endless)

    sending = eventlet.spawn(send)
    try:
        return answer(connection)[0]
    finally:
        sending.kill()


def _head(connection: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError(f"closed after {head!r}")
        head += byte
    return head.decode("latin-1").removesuffix("\r\n\r\n")


def _exactly(connection: socket.socket, length: int) -> bytes:
    body = b""
    while len(body) < length:
        piece = connection.recv(length - len(body))
        if not piece:
            raise ConnectionError(f"closed after {len(body)} of {length} bytes")
        body += piece
    return body
