"""However its connection ends, the link makes another; told to end, it lets everything out before."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from eventlet.event import Event
from kombu import Exchange

from common.transport import frames
from common.transport import link as module
from common.transport.calling import Calling
from common.transport.frames import Delivery, Reader
from common.transport.link import Link
from common.transport.serving import CHANNEL, Serving
from tests.certificates import Pair as Certificate
from tests.certificates import make_pair
from tests.unit.common.transport.broker_end import Stream

ACK = frames.ack(CHANNEL, 1, multiple=True)
CANCEL_OK = frames._FRAME.pack(1, CHANNEL, 5) + b"\0\x3c\0\x1f\0\xce"
CLOSE_OK = frames._FRAME.pack(1, 0, 4) + b"\0\x0a\0\x33\xce"


CONFIG = {"AMQP_URI": "amqp://a:b@127.0.0.1/"}


class Taker:
    """Takes deliveries, and leaves them."""

    queue = SimpleNamespace(name="rpc-x")

    def take(self, message: Delivery) -> None:
        """Nothing is done with it yet."""


def spawn(run: Callable[[], None], identifier: str) -> Any:
    return eventlet.spawn(run)


class Short(Link):
    """A link without what py-amqp does before it: each connection is made by the test."""

    def __init__(self, *streams: Stream) -> None:
        super().__init__()
        self.streams = list(streams)
        self.made = 0
        self.is_used, self.consumer = True, Taker()
        self.container = SimpleNamespace(
            config={"AMQP_URI": "amqp://a:b@127.0.0.1/"},
            spawn_managed_thread=lambda fn, **_: eventlet.spawn(fn),
        )
        self.calling, self.serving = Calling(Exchange("calls"), "tests"), Serving("calls", window=64)
        self.is_blocked = self._is_ending = False
        self._begun, self._wire, self._thread = Event(), None, None

    def _serve_one_connection(self) -> None:
        stream = self.streams[self.made]
        self.made += 1
        self._wire = stream.wire
        for side in (self.calling, self.serving):
            side.opened(stream.wire)
        stream.wire.read_into(Reader(self._deliver, self._returned, self._other), b"")


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """A test that waits in vain fails."""
    with eventlet.Timeout(5):
        yield


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["plain", "encrypted"])
def streams(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[list[Stream]]:
    made = [Stream(certificate if request.param == "encrypted" else None) for _ in range(2)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def link(streams: list[Stream]) -> Iterator[Short]:
    made = Short(*streams)
    made.start()
    eventlet.sleep(0)
    yield made
    made.kill()


def answered(link: Short, body: bytes) -> None:
    message = Delivery(CHANNEL, 1, {})
    message.properties = {"reply_to": "rpc.reply-x", "correlation_id": "c"}
    link.serving.deliver(message)
    link.serving.reply(message, body)


def await_next(link: Short) -> bool:
    """Whether it has made another connection."""
    with eventlet.Timeout(5, False):
        while link.made < 2 or not link.is_open:
            eventlet.sleep(0.01)
        return True
    return False


def test_a_connection_that_is_cut_while_the_reader_waits_is_made_again(
    link: Short, streams: list[Stream]
) -> None:
    streams[0].wire.cut("a failed write")
    assert await_next(link)


def test_a_broker_that_has_fallen_silent_is_left_for_another_connection(
    certificate: Certificate, streams: list[Stream]
) -> None:
    silent = Stream(certificate if streams[0].wire._send_now is None else None, heartbeat=0.1)
    link = Short(silent, streams[0])
    link.start()
    assert await_next(link)
    link.kill()
    silent.close()


@pytest.mark.parametrize("problem", [RuntimeError("a fault"), RecursionError(), eventlet.Timeout(None)])
def test_a_fault_in_what_reads_costs_the_connection_and_not_the_process(
    link: Short, streams: list[Stream], problem: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    logging = SimpleNamespace(error=lambda name, **more: told.append((name, more["exc_info"])))
    monkeypatch.setattr(module, "log", logging)

    def fail(*_: Any) -> None:
        raise problem

    monkeypatch.setattr(link.serving, "cancelled", fail)
    streams[0].peer.sendall(CANCEL_OK)
    assert await_next(link)
    assert told == [("rpc_link_failed", problem)]


@pytest.mark.parametrize("size", [2, 3_000_000])
def test_the_last_reply_and_its_acknowledgement_leave_before_the_goodbye(
    link: Short, streams: list[Stream], size: int
) -> None:
    reading = eventlet.spawn(streams[0].read_to_end, frames.CLOSE_CONNECTION)
    answered(link, b"x" * size)
    stopping = eventlet.spawn(link.stop)
    found = reading.wait()
    assert not stopping.dead  # it waits for the broker's word
    streams[0].peer.sendall(CLOSE_OK)
    stopping.wait()
    assert found.count(b"x") >= size
    assert found.endswith(ACK + frames.CLOSE_CONNECTION)
    assert (link.made, link.is_open) == (1, False)


def test_what_comes_during_the_goodbye_is_read(link: Short, streams: list[Stream]) -> None:
    answered(link, b"x")
    stopping = eventlet.spawn(link.stop)
    assert streams[0].read_to_end(frames.CLOSE_CONNECTION)
    streams[0].peer.sendall(frames.HEARTBEAT_FRAME * 1000 + CLOSE_OK)
    stopping.wait()
    assert streams[0].read_to_end() == b""  # an end, and no reset


def test_a_broker_that_takes_nothing_does_not_hold_the_stop_up_for_longer_than_the_time_for_it(
    link: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GOODBYE_SECONDS", 0.2)
    answered(link, b"x" * 8_000_000)
    started = time.monotonic()
    link.stop()
    assert 0.15 < time.monotonic() - started < 0.8
    assert not link.is_open


def test_a_stop_while_the_broker_is_away_takes_no_time(link: Short, streams: list[Stream]) -> None:
    streams[0].wire.cut("the broker is away")
    eventlet.sleep(0)
    started = time.monotonic()
    link.stop()
    assert time.monotonic() - started < 0.5
    assert not link.is_open


def test_an_end_without_a_goodbye_lets_out_what_is_answered(link: Short, streams: list[Stream]) -> None:
    answered(link, b"x" * 3_000_000)
    reading = eventlet.spawn(streams[0].read_to_end)
    link.kill()
    found = reading.wait()
    assert found.count(b"x") >= 3_000_000
    assert found.endswith(ACK)
