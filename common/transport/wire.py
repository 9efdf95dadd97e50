"""One connection to the broker after its handshake: bytes out without waiting, bytes in as they come.

py-amqp connects, logs in, opens channels and declares; then this takes its socket over. ``send`` never
waits: what the socket does not take at once is kept and written by a green thread, so a broker that has
stopped reading (an alarm) holds nobody up. Each frame goes into one write.
"""

import socket
from collections import deque
from typing import Any

import eventlet
from eventlet.event import Event

from common.transport import frames

MOST_WAITING_BYTES = 8 * 1024 * 1024
_READ_BYTES = 64 * 1024  # more would be mapped and unmapped for each read
_GOODBYE_SECONDS = 1.0


class LinkLost(Exception):
    """The connection is gone; what was under way on it has to be given up or sent again."""


class LinkFull(Exception):
    """The broker takes nothing, and enough is waiting for it already."""


class Wire:
    """The socket of an open connection. ``heartbeat`` is in seconds, 0 for none."""

    def __init__(self, sock: Any, *, frame_max: int, heartbeat: float, encrypted: bool) -> None:
        self.frame_max = frame_max
        self.is_open = True
        self._sock = sock
        # An encrypted write may have to read first: that is for the thread that may wait.
        self._send_now = None if encrypted else sock.fd.send
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._wake = Event()
        self._sent = self._received = False
        self._threads = [eventlet.spawn(self._write)]
        if heartbeat:
            self._threads.append(eventlet.spawn(self._beat, heartbeat / 2))

    def send(self, data: bytes) -> None:
        """Write, now or soon; LinkLost or LinkFull if that can't be."""
        if not self.is_open:
            raise LinkLost("the connection to the broker is closed")
        self._sent = True
        if self._send_now is not None and not self._waiting:
            data = data[self._try(data) :]
        if data:
            self._keep(data)

    def read_into(self, reader: frames.Reader, first: bytes) -> None:
        """Read until the connection ends; raises LinkLost then."""
        if first:
            reader.feed(first)
        try:
            while True:
                data = self._sock.recv(_READ_BYTES)
                if not data:
                    raise LinkLost("the broker has closed the connection")
                self._received = True
                reader.feed(data)
        except OSError as problem:
            raise LinkLost(str(problem)) from None

    def cut(self) -> None:
        """Drop the connection: whoever reads notices at once."""
        if self.is_open:
            self.is_open = False
            try:
                self._sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self, goodbye: bytes = b"") -> None:
        """Write what is waiting, and ``goodbye``; then let go of the socket."""
        try:
            with eventlet.Timeout(_GOODBYE_SECONDS, False):
                if goodbye and self.is_open:
                    self.send(goodbye)
                    while self._waiting:
                        eventlet.sleep(0.01)
        except (LinkLost, LinkFull):
            pass
        self.cut()
        for thread in self._threads:
            thread.kill()
        self._sock.close()

    def _try(self, data: bytes) -> int:
        try:
            return int(self._send_now(data)) if self._send_now else 0
        except BlockingIOError:
            return 0
        except OSError as problem:
            self.cut()
            raise LinkLost(str(problem)) from None

    def _keep(self, data: bytes) -> None:
        if self._waiting_bytes + len(data) > MOST_WAITING_BYTES and self._waiting:
            raise LinkFull("the broker takes nothing")
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if not self._wake.ready():
            self._wake.send()

    def _write(self) -> None:
        try:
            while True:
                self._wake.wait()
                while self._waiting:
                    # It stays the first until it is written: nobody may overtake it.
                    self._sock.sendall(self._waiting[0])
                    self._waiting_bytes -= len(self._waiting.popleft())
                self._wake = Event()
        except OSError:
            self.cut()

    def _beat(self, seconds: float) -> None:
        silent = 0
        while self.is_open:
            self._sent = self._received = False
            eventlet.sleep(seconds)
            silent = 0 if self._received else silent + 1
            if silent >= 4:  # two heartbeats, as the specification asks
                self.cut()
            elif not self._sent:
                self._beat_once()

    def _beat_once(self) -> None:
        try:
            self.send(frames.HEARTBEAT_FRAME)
        except (LinkLost, LinkFull):
            pass
