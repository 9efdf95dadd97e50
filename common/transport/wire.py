"""One connection to the broker after its handshake: bytes out without waiting, bytes in as they come.

py-amqp connects, logs in, opens channels and declares; then this takes its socket over. ``send`` never
waits: what the socket does not take at once is kept and written by a green thread, so a broker that has
stopped reading (an alarm) holds nobody up.

Each write wakes a chain of the broker's processes, and each is woken once for all that one write brought.
What need not leave alone is therefore gathered (``gather``) until the present turn of eventlet's hub is over,
but not more than some messages: the other side idles while they are held back.

Nothing is refused here. An acknowledgement that was dropped would never be told again, and what is gathered
belongs to several: who may add much asks ``is_full`` first (a call, a long reply). What is left to add then
is bounded without that: the broker delivers no more calls than its window until it reads that some are done.
"""

import socket
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.greenio import GreenSocket
from eventlet.hubs import get_hub
from eventlet.patcher import original

from common.transport import frames

MOST_WAITING_BYTES = 8 * 1024 * 1024
MOST_GATHERED, MOST_GATHERED_BYTES = 8, 64 * 1024
_READ_BYTES = 64 * 1024  # more would be mapped and unmapped for each read
GOODBYE_SECONDS = 1.0
_Socket: Any = original("socket").socket


class LinkLost(Exception):
    """The connection is gone; what was under way on it has to be given up or sent again."""


class LinkFull(Exception):
    """The broker takes nothing, and enough is waiting for it already."""


class Wire:
    """The socket of an open connection. ``heartbeat`` is in seconds, 0 for none."""

    def __init__(self, sock: Any, *, frame_max: int, heartbeat: float, encrypted: bool) -> None:
        self.frame_max = frame_max
        self.is_open = True
        self.is_full = False
        """Whether so much is waiting that nothing long may be added."""
        self._sock = sock
        self._why = ""
        # An encrypted write may have to read first: that is for the thread that may wait.
        self._send_now = None if encrypted else sock.fd.send
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._is_turn_awaited = False
        self._wake = Event()
        self._sent = self._received = False
        self._threads = [eventlet.spawn(self._write)]
        if heartbeat:
            self._threads.append(eventlet.spawn(self._beat, heartbeat / 2))

    def send(self, data: bytes) -> None:
        """Write, now or soon, after what is gathered; LinkLost if that can't be."""
        if not self.is_open:
            raise LinkLost("the connection to the broker is closed")
        self._sent = True
        if self._gathered:
            self._gathered.append(data)
            data = self._take_gathered()
        if self._send_now is not None and not self._waiting:
            data = data[self._try(data) :]
        if data:
            self._keep(data)

    def gather(self, data: bytes) -> None:
        """Write together with what else this turn of the hub brings; LinkLost as ``send``.

        A connection that is lost before the end of the turn is told of by ``read_into`` alone.
        """
        size = self._gathered_bytes + len(data)
        is_enough = len(self._gathered) + 1 >= MOST_GATHERED or size >= MOST_GATHERED_BYTES
        if is_enough or self._waiting or not self.is_open:
            self.send(data)
            return
        self._gathered.append(data)
        self._gathered_bytes = size
        if not self._is_turn_awaited:
            self._is_turn_awaited = True
            get_hub().schedule_call_global(0, self._end_turn)

    def _end_turn(self) -> None:
        self._is_turn_awaited = False
        if self._gathered:
            try:
                self.send(b"")
            except LinkLost:
                pass  # whoever reads tells everybody

    def _take_gathered(self) -> bytes:
        data = b"".join(self._gathered)
        self._gathered.clear()
        self._gathered_bytes = 0
        return data

    def read_into(self, reader: frames.Reader, first: bytes) -> None:
        """Read until the connection ends; raises LinkLost then."""
        if first:
            reader.feed(first)
        try:
            while data := self._sock.recv(_READ_BYTES):
                self._received = True
                reader.feed(data)
                # Who was woken by that goes on first; else it would wait until the poll knows of this socket.
                eventlet.sleep(0)
        except OSError as problem:
            self.cut(str(problem))
        self.cut("the broker has closed the connection")
        raise LinkLost(self._why)

    def cut(self, why: str = "it was cut") -> None:
        """Drop the connection: whoever reads notices at once."""
        if self.is_open:
            self.is_open, self._why = False, why
            # The system's own call: that of a TLS connection ends its encryption with it, which whoever
            # reads at that moment does not survive.
            is_plain = isinstance(self._sock, GreenSocket)
            shut = self._sock.shutdown if is_plain else partial(_Socket.shutdown, self._sock)
            with suppress(OSError):
                shut(socket.SHUT_RDWR)

    def close(self) -> None:
        """Write what is gathered and what is waiting, within a second; then let go of the socket."""
        try:
            with eventlet.Timeout(GOODBYE_SECONDS, False):
                self._end_turn()
                while self._waiting and self.is_open:
                    eventlet.sleep(0.01)
        finally:
            self.cut("it is not needed any more")
            for thread in self._threads:
                thread.kill()
            self._sock.close()

    def _try(self, data: bytes) -> int:
        try:
            return int(self._send_now(data)) if self._send_now else 0
        except BlockingIOError:
            return 0
        except OSError as problem:
            self.cut(str(problem))
            raise LinkLost(str(problem)) from None

    def _keep(self, data: bytes) -> None:
        self._count(len(data))
        if len(self._waiting) > 1 and len(self._waiting[-1]) + len(data) <= MOST_GATHERED_BYTES:
            self._waiting[-1] += data  # one write for all that have to wait, but for the one under way
        else:
            self._waiting.append(data)
        if not self._wake.ready():
            self._wake.send()

    def _write(self) -> None:
        try:
            while True:
                self._wake.wait()
                while self._waiting:
                    # It stays the first until it is written: nobody may overtake it.
                    self._sock.sendall(self._waiting[0])
                    self._count(-len(self._waiting.popleft()))
                self._wake = Event()
        except Exception as problem:
            self.cut(f"{type(problem).__name__}: {problem}")

    def _count(self, more: int) -> None:
        self._waiting_bytes += more
        self.is_full = self._waiting_bytes >= MOST_WAITING_BYTES

    def _beat(self, seconds: float) -> None:
        silent = 0
        while self.is_open:
            self._sent = self._received = False
            eventlet.sleep(seconds)
            silent = 0 if self._received else silent + 1
            if silent >= 4:  # two heartbeats, as the specification asks
                self.cut("two heartbeats of the broker are missing")
            elif not self._sent and not self._waiting:
                self._beat_once()

    def _beat_once(self) -> None:
        try:
            self.send(frames.HEARTBEAT_FRAME)
        except LinkLost:
            pass
