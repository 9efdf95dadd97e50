"""A process's connection for calls: made when the process starts, and made again whenever it is lost.

*Confirmed or not.* Requests and replies live for milliseconds and somebody waits for them, so they are
neither written to disk nor confirmed: a request that no queue takes comes back (``mandatory``), and all else
that can get lost ends at its caller's deadline. Events, which nobody waits for, keep their confirms
(:mod:`common.broker`).
"""

import time
from contextlib import suppress
from typing import Any

import eventlet
from amqp.exceptions import AccessRefused, AMQPError
from eventlet.event import Event
from kombu import Connection
from nameko.constants import HEARTBEAT_CONFIG_KEY
from nameko.extensions import SharedExtension
from nameko.rpc import get_rpc_exchange
from nameko.utils import sanitize_url

from common.broker import connect
from common.logging import get_logger
from common.transport import calling, frames, serving
from common.transport.calling import Calling
from common.transport.frames import Delivery, Reader
from common.transport.serving import Serving
from common.transport.wire import GOODBYE_SECONDS, LinkLost, Wire

log = get_logger()
_TICK_SECONDS = 0.02
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_CANCEL_OK, _CANCEL, _CONNECTION_CLOSE, _CLOSE_OK = (60, 31), (60, 30), (10, 50), (10, 51)
_CHANNEL_CLOSE, _BLOCKED, _UNBLOCKED = (20, 40), (10, 60), (10, 61)
_COMMON = (AMQPError, OSError, LinkLost)
"""What ends a connection in the course of things; all else is a fault of this program."""


class Link(SharedExtension):
    """The connection, and its two sides: ``calling`` and ``serving``.

    Whoever makes or takes calls says so in its own ``setup`` by the first two attributes: extensions are
    set up in no particular order.
    """

    is_used = False
    consumer: Any = None
    """What takes the calls of this service: has a ``queue`` and ``take(message)``."""
    calling: Calling
    serving: Serving

    def setup(self) -> None:
        """Read the settings."""
        config = self.container.config
        exchange = get_rpc_exchange(config)
        self.calling = Calling(exchange, self.container.service_name)
        self.serving = Serving(exchange.name, 2 * int(config["max_workers"]))
        self.is_blocked = self._is_ending = False
        self._begun = Event()
        self._wire: Wire | None = None
        self._thread: Any = None

    def start(self) -> None:
        """Begin to connect."""
        if self.is_used and self._thread is None:
            self.serving.consumer = self.consumer
            self._thread = self.container.spawn_managed_thread(self._run, identifier="rpc_link")

    def stop(self) -> None:
        """Let the last replies and acknowledgements out, and close the connection; at most a second long.

        Nameko calls this when the workers are done. The broker has read everything when it agrees to the end,
        so that is waited for; reading goes on meanwhile: what is unread when a socket is closed makes the
        system reset the connection, and the broker's system drop what the broker has not read.
        """
        if self._thread is not None:
            self._is_ending = True
            with eventlet.Timeout(GOODBYE_SECONDS, False), suppress(LinkLost):
                self._say_goodbye()
            if self._wire is not None:
                self._wire.cut("the process ends")
            self.kill()

    def kill(self) -> None:
        """Close the connection without a goodbye."""
        if self._thread is not None:
            self._is_ending = True
            self._thread.kill()
            self._close()

    def _say_goodbye(self) -> None:
        if self._wire is not None and self._wire.is_open:
            self.serving.flush()
            self._wire.send(frames.CLOSE_CONNECTION)
            self._thread.wait()

    @property
    def has_begun(self) -> bool:
        """Whether there has ever been a connection; it may have been lost since."""
        return bool(self._begun.ready())

    @property
    def is_open(self) -> bool:
        """Whether there is one now."""
        return self._wire is not None and self._wire.is_open

    def await_begin(self, seconds: float) -> None:
        """Wait for the first connection, at most so long."""
        with eventlet.Timeout(seconds, False):
            self._begun.wait()

    # What Nameko's classes ask of a queue consumer:

    def unregister_provider(self, consumer: Any) -> None:
        """Take no more calls."""
        self.serving.end()

    def ack_message(self, message: Delivery) -> None:
        """A message is done."""
        self.serving.settle(message)

    def requeue_message(self, message: Delivery) -> None:
        """Give it back."""
        self.serving.requeue(message)

    def requeue_later(self, message: Delivery) -> None:
        """Give it back after a moment."""
        self.serving.requeue_later(message)

    def await_open(self, seconds: float) -> None:
        """Wait for a connection that is open, at most so long."""
        end = time.monotonic() + seconds
        while not self.is_open and time.monotonic() < end:
            eventlet.sleep(_TICK_SECONDS)

    def _run(self) -> None:
        # Whatever goes wrong, the next connection is tried: an end of this thread is one of the process.
        pause = _FIRST_PAUSE
        while not self._is_ending:
            try:
                self._serve_one_connection()
            except (Exception, eventlet.Timeout) as problem:
                if self._is_ending:
                    return  # ``stop`` waits for this, and closes
                is_new = self._wire is not None and isinstance(problem, _COMMON)
                pause = _FIRST_PAUSE if is_new else min(pause * 2, _LONGEST_PAUSE)
                self._report(problem)
                self._close()
            eventlet.sleep(pause)

    def _report(self, problem: BaseException) -> None:
        broker = sanitize_url(self.container.config["AMQP_URI"])
        if not isinstance(problem, _COMMON):
            log.error("rpc_link_failed", error=repr(problem), broker=broker, exc_info=problem)
            return
        is_news = self._wire is not None or isinstance(problem, AccessRefused)
        write = log.warning if is_news else log.debug
        write("rpc_link_lost", error=str(problem), broker=broker)

    def _serve_one_connection(self) -> None:
        config = self.container.config
        connection = connect(config, heartbeat=config.get(HEARTBEAT_CONFIG_KEY, 0))
        amqp = connection.connection
        for side in (self.calling, self.serving):
            side.declare(amqp)
        self._wire = _take_over(amqp, connection)
        for side in (self.calling, self.serving):
            side.opened(self._wire)
            side.consume(amqp)
        reader = Reader(self._deliver, self._returned, self._other)
        if not self._begun.ready():
            self._begun.send()
        self._wire.read_into(reader, amqp.transport._read_buffer)

    def _close(self) -> None:
        wire = self._wire
        if wire is not None:
            self.serving.flush()
            self._wire, self.is_blocked = None, False
            self.serving.lost()
            self.calling.lost()
            wire.close()

    def _deliver(self, message: Delivery) -> None:
        side = self.serving if message.channel == serving.CHANNEL else self.calling
        side.deliver(message)

    def _returned(self, message: Delivery) -> None:
        if message.channel == calling.CHANNEL:
            self.calling.returned(message)

    def _other(self, channel: int, method: tuple[int, int], payload: bytes) -> None:
        if method == _CANCEL_OK:
            self.serving.cancelled()
        elif method in (_BLOCKED, _UNBLOCKED):
            self.is_blocked = method == _BLOCKED
            log.warning("broker_blocks_publishers" if self.is_blocked else "broker_takes_messages_again")
        elif method == _CONNECTION_CLOSE and self._wire is not None:
            self._wire.send(frames.CONNECTION_CLOSED)
            raise LinkLost(_reason(payload))
        elif method == _CLOSE_OK:
            raise LinkLost("closed in good order")
        elif method in (_CHANNEL_CLOSE, _CANCEL):
            raise LinkLost(_reason(payload) if method == _CHANNEL_CLOSE else "a queue is gone")


def _take_over(amqp: Any, connection: Connection) -> Wire:
    sock = amqp.transport.sock
    sock.settimeout(None)
    return Wire(sock, frame_max=amqp.frame_max, heartbeat=amqp.heartbeat, encrypted=bool(connection.ssl))


def _reason(payload: bytes) -> str:
    return payload[7 : 7 + payload[6]].decode("utf-8", "replace")
