"""A client's connection over TLS, whose bytes pass through our hands on their way to OpenSSL.

OpenSSL reads from a socket for as long as something is there that is no data, such as an announcement of
new keys; a client that sends nothing else keeps it, and with it the hub. Here it gets a piece at a time.
"""

import contextlib
import io
import socket
import ssl
from typing import Any

import eventlet
from eventlet.greenio import GreenSocket

_PIECE_BYTES = 16384
"""As long as a record may be; the memory that the longest piece took stays with the connection."""
_MOST_UNASKED = 65536
"""Bytes of OpenSSL's own that wait for an answer to go with; a client that asks for more is given up."""


class SecuredSocket:
    """As much of a socket as a connection asks for; ``take`` alone does not wait."""

    def __init__(self, sock: GreenSocket, context: ssl.SSLContext) -> None:
        self.plain, self.fd = sock, sock.fd
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: Any = context.wrap_bio(self._in, self._out, server_side=True)
        self._is_cut = self._is_dry = False
        self.close, self.fileno, self.shutdown = sock.close, sock.fileno, sock.shutdown
        self.getsockname, self.setsockopt = sock.getsockname, sock.setsockopt

    def do_handshake(self) -> None:
        """Agree on keys; OSError if the client does not."""
        while not self._is_cut:
            try:
                self._tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                pass
            finally:
                self._send_waiting()
            self._feed(self.plain.recv(_PIECE_BYTES))
            eventlet.sleep(0)
        raise ConnectionAbortedError("the client was too slow")

    def cut(self) -> None:
        """End it; whoever waits for the client notices."""
        self._is_cut = True
        with contextlib.suppress(OSError):
            self.fd.shutdown(socket.SHUT_RDWR)

    def pending(self) -> int:
        """Bytes that were taken from the system, and not from here."""
        return int(self._tls.pending()) + self._in.pending

    def take(self, buffer: Any) -> int:
        """Read what there is; BlockingIOError or SSLWantReadError if one piece more of it brings nothing."""
        if self._is_dry or not self.pending():
            self._feed(self.fd.recv(_PIECE_BYTES))
        self._is_dry = True  # and stays so where what is here is no whole record, of which this raises
        count = int(self._tls.read(len(buffer), buffer))
        self._is_dry = False
        return count

    def sendall(self, data: bytes) -> None:
        """Write all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest[:_PIECE_BYTES]) :]
            self._send_waiting()

    def part(self) -> None:
        """Tell the client that nothing more comes, so that it knows that nothing was cut off.

        Its own farewell is not waited for.
        """
        with contextlib.suppress(OSError):
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            self.fd.send(self._out.read())

    def makefile(self, mode: str, size: int) -> Any:
        """Something to write to; who reads uses ``take``."""
        return io.BufferedWriter(_Writer(self), size) if "w" in mode else io.BytesIO()

    def _feed(self, data: bytes) -> None:
        if self._out.pending > _MOST_UNASKED:
            raise ConnectionAbortedError("the client asks for more than it takes")
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def _send_waiting(self) -> None:
        if self._out.pending:
            self.plain.sendall(self._out.read())


class _Writer(io.RawIOBase):
    def __init__(self, sock: SecuredSocket) -> None:
        super().__init__()
        self._sock = sock

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._sock.sendall(bytes(data))
        return len(data)
