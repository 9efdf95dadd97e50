"""A client's bytes as they come.

eventlet's socket asks the system first and waits when nothing is there yet, which is so before nearly every
request; it sets a timer for each wait, and tells the poll of its descriptor before and after it. Here it is
the other way round between requests. There is no timer: :class:`Connections` looks at every connection's
deadline, and shuts what is over, which ends the wait. And the descriptor stays with the poll until something
comes that nobody waits for.

Who sends faster than we read never makes us wait, so the hub is given its turn all the same. And Linux goes
on to deliver what comes after a shutdown for reading, so the end of a connection is kept here as well.
"""

import contextlib
import io
import socket
from collections.abc import Callable
from fcntl import ioctl
from ssl import SSLWantReadError
from struct import unpack
from termios import FIONREAD
from typing import Any

import eventlet
from eventlet.hubs import get_hub
from greenlet import getcurrent, greenlet

_PASSED_BYTES = 65536
_MOST_IN_A_ROW = 2
"""Reads without a turn of the hub; each may bring a thousand chunks of a byte, milliseconds of work."""


class Incoming(io.RawIOBase):
    """Reads from a connection without TLS; its end, in order or not, is the end of the bytes.

    One green thread reads, and nobody reads from the socket past it, unless it is released.
    """

    def __init__(self, sock: Any) -> None:
        super().__init__()
        self._socket = sock
        self._recv_into, self._fileno = self._taker(sock), sock.fileno()
        self._hub = get_hub()
        self._watch: Any = None
        self._reader: greenlet | None = None
        self._in_a_row = 0
        self._left: int | None = None
        self.is_early = False

    def readable(self) -> bool:
        """Nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait until something has come, and take as much of it as there is room for."""
        if self.is_early:
            self.is_early = False
            self._wait()
        elif self._in_a_row >= _MOST_IN_A_ROW:
            self._in_a_row = 0
            eventlet.sleep(0)
        self._in_a_row += 1
        while self._left is None:
            try:
                return self._recv_into(buffer)
            except (BlockingIOError, SSLWantReadError):
                self._wait()
            except OSError:
                return 0
        return self._read_left(buffer, self._left)

    def end(self, at_once: bool) -> None:
        """Read nothing more, or only what has come by now; whoever waits here is woken."""
        there = 0 if at_once else self._there()
        self._left = there if self._left is None else min(self._left, there)
        self.shut(socket.SHUT_RD)

    def shut(self, how: int) -> None:
        """Shut the connection by the system's own call: that of TLS would end its encryption with it."""
        with contextlib.suppress(OSError):
            self._socket.fd.shutdown(how)

    def pass_over(self) -> bool:
        """Wait until something has come, and throw it away as it is, encrypted or not; False at the end."""
        try:
            while True:
                try:
                    return bool(self._socket.fd.recv(_PASSED_BYTES))
                except BlockingIOError:
                    self._wait()
        except OSError:
            return False

    def release(self) -> None:
        """Take the descriptor from the poll; before it is closed at the latest."""
        watch, self._watch = self._watch, None
        if watch is not None:
            self._hub.remove(watch)

    def _taker(self, sock: Any) -> Callable[[Any], int]:
        # What takes from the socket, and does not wait.
        taker: Callable[[Any], int] = sock.fd.recv_into
        return taker

    def _read_left(self, buffer: Any, most: int) -> int:
        try:
            count = self._recv_into(memoryview(buffer)[:most]) if most else 0
        except OSError:
            count = 0
        self._left = most - count
        return count

    def _there(self) -> int:
        # Bytes that have come and were not taken.
        size: int = unpack("i", ioctl(self._fileno, FIONREAD, bytes(4)))[0]
        return size

    def _wait(self) -> None:
        self._in_a_row = 0
        self._reader = here = getcurrent()
        if self._watch is None:
            self._watch = self._hub.add(self._hub.READ, self._fileno, self._ready, here.throw, None)
        try:
            self._hub.switch()
        finally:
            self._reader = None

    def _ready(self, _: int) -> None:
        if self._reader is None:
            self.release()  # it would be told again and again until somebody reads
        else:
            self._reader.switch()


class Secured(Incoming):
    """The same over TLS, where a part of what was taken from the system may wait for a reader in OpenSSL."""

    def readinto(self, buffer: Any) -> int:
        """Wait until something has come, and take as much of it as there is room for."""
        if self.is_early and self._socket.pending():
            self.is_early = False
        return super().readinto(buffer)

    def _taker(self, sock: Any) -> Callable[[Any], int]:
        taker: Callable[[Any], int] = sock.take
        return taker

    def _there(self) -> int:
        # Not less than that: what is encrypted is longer.
        return super()._there() + int(self._socket.pending())
