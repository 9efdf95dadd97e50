"""An event is handled, tried again with growing delays, or set aside with its reason; nothing else."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
import pytest

from common import events, topology
from common.broker import PublishFailed
from common.delivery import CurrentAttempt, handles
from common.errors import NotFound, Unavailable
from common.failures import PermanentFailure, Postponed
from tests import poison
from tests.integration.conftest import Run
from tests.integration.running import RETRY, Running, Wire, eventually, make_config
from tests.poison import DEEP_LIST, DEEP_TABLE

EVENT = events.USER_DELETED
QUEUE = topology.event_queue(EVENT, "listener").name
Behaviour = Callable[[dict[str, Any], Any], None]


class Listener:
    """Hears of deleted users, and does with each what the test says."""

    name = "listener"
    attempt = CurrentAttempt()
    seen: list[tuple[str, float, int]] = []
    behaviours: dict[str, Behaviour] = {}

    @handles(EVENT)
    def handle_user_deleted(self, event: dict[str, Any]) -> None:
        self.seen.append((event["user_id"], time.monotonic(), self.attempt.number))
        behave = self.behaviours.get(event["user_id"])
        if behave:
            behave(event, self.attempt)


@pytest.fixture(scope="module")
def listener(vhost_uri: str, module_run: Run) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.SUBSCRIBERS, "listener", (EVENT,))
        yield module_run(Listener, make_config(AMQP_URI=vhost_uri))


@pytest.fixture(autouse=True)
def nothing_ends_the_process(listener: Running, wire: Wire) -> Iterator[None]:
    wire.purge(topology.DEAD_LETTERS)
    Listener.seen.clear()
    yield
    assert listener.is_alive
    eventually(lambda: wire.count(QUEUE) == 0)


def event(behave: Behaviour | None = None) -> dict[str, Any]:
    made = EVENT.make("r-1", user_id=str(uuid.uuid4()))
    if behave:
        Listener.behaviours[made["user_id"]] = behave
    return made


def fail(error: Exception, times: int = 100) -> Behaviour:
    def behave(_: dict[str, Any], attempt: Any) -> None:
        if attempt.number <= times:
            raise error

    return behave


def send(wire: Wire, body: Any, **properties: Any) -> None:
    wire.send(body, EVENT.name, f"{EVENT.source}.events", **properties)


def attempts_at(sent: dict[str, Any]) -> list[tuple[float, int]]:
    return [(moment, number) for user_id, moment, number in Listener.seen if user_id == sent["user_id"]]


def dead(wire: Wire) -> tuple[dict[str, Any], Any]:
    message = wire.take(topology.DEAD_LETTERS)
    return message.headers, message


def test_an_event_is_handled_once(wire: Wire) -> None:
    sent = event()
    send(wire, sent)
    eventually(lambda: attempts_at(sent))
    assert [number for _, number in attempts_at(sent)] == [1]
    assert wire.count(topology.DEAD_LETTERS) == 0


def test_a_failed_attempt_is_made_again_until_it_succeeds(wire: Wire) -> None:
    sent = event(fail(ValueError("not yet"), times=2))
    send(wire, sent)
    eventually(lambda: len(attempts_at(sent)) == 3)
    assert [number for _, number in attempts_at(sent)] == [1, 2, 3]
    assert wire.count(topology.DEAD_LETTERS) == 0


def test_the_delays_double_and_keep_to_their_bounds(wire: Wire) -> None:
    sent = event(fail(Unavailable("away", "Away."), times=2))
    send(wire, sent)
    moments = [moment for moment, _ in eventually(lambda: len(attempts_at(sent)) == 3 and attempts_at(sent))]
    for retry, waited in enumerate((moments[1] - moments[0], moments[2] - moments[1])):
        middle = RETRY["base_seconds"] * 2**retry
        # What the machine needs between the two attempts comes on top of the delay.
        assert middle * 0.75 - 0.01 <= waited <= middle * 1.25 + 0.5


def test_an_event_whose_attempts_are_used_up_goes_to_the_dead_letters(wire: Wire) -> None:
    sent = event(fail(ValueError("never")))
    send(wire, sent, message_id=sent["event_id"])
    headers, message = dead(wire)
    assert len(attempts_at(sent)) == RETRY["max_attempts"]
    assert headers["dead-letter-reason"] == "handler_error"
    assert headers["dead-letter-detail"] == "ValueError: never"
    assert headers["original-queue"] == QUEUE
    assert headers["suite-attempts"] == RETRY["max_attempts"]
    assert headers["suite-first-failed-at"] < headers["dead-lettered-at"]
    assert json.loads(message.body) == sent
    assert message.properties["message_id"] == sent["event_id"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermanentFailure("bad_address", "no such mailbox"), "bad_address"),
        (NotFound("user_not_found", "There is no such user."), "user_not_found"),
    ],
)
def test_what_can_not_succeed_goes_to_the_dead_letters_at_once(
    wire: Wire, error: Exception, reason: str
) -> None:
    sent = event(fail(error))
    send(wire, sent)
    headers, message = dead(wire)
    assert (headers["dead-letter-reason"], headers["suite-attempts"]) == (reason, 1)
    assert json.loads(message.body) == sent
    assert len(attempts_at(sent)) == 1


def test_a_postponed_event_uses_up_no_attempt(wire: Wire) -> None:
    def behave(one: dict[str, Any], attempt: Any) -> None:
        if len(attempts_at(one)) <= 5:
            raise Postponed("in_progress", "somebody else is at it", 0.05)

    sent = event(behave)
    send(wire, sent)
    eventually(lambda: len(attempts_at(sent)) == 6)
    assert {number for _, number in attempts_at(sent)} == {1}
    assert wire.count(topology.DEAD_LETTERS) == 0


def test_many_events_that_fail_at_once_all_come_back(wire: Wire) -> None:
    sent = [event(fail(ValueError("not yet"), times=1)) for _ in range(40)]
    for one in sent:
        send(wire, one)
    eventually(lambda: all(len(attempts_at(one)) == 2 for one in sent))
    assert wire.count(topology.DEAD_LETTERS) == 0


GOOD = EVENT.make("r-1", user_id="u-1")


@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b"{not json", {}, "undecodable"),
        (b"", {}, "malformed_event"),
        (b"", {"content_encoding": "binary"}, "malformed_event"),
        (b"", {"content_encoding": "base64", "content_type": "application/data"}, "malformed_event"),
        (b"\xff\xfe", {}, "undecodable"),
        (b"[" * 100_000, {}, "undecodable"),
        (GOOD, {"content_type": "application/x-strange"}, "undecodable"),
        (GOOD, {"content_type": "application/x-python-serialize"}, "undecodable"),
        ({"__type__": "datetime", "__value__": "x"}, {}, "undecodable"),
        ({**GOOD, "user_id": {"__type__": "uuid", "__value__": 5}}, {}, "undecodable"),
        (b"null", {}, "malformed_event"),
        (b"5", {}, "malformed_event"),
        ([GOOD], {}, "malformed_event"),
        ({**GOOD, "user_id": "\ud800"}, {}, "malformed_event"),
        ({**GOOD, "unknown": [{"\udc00": 1}]}, {}, "malformed_event"),
        ({}, {}, "malformed_event"),
        ({**GOOD, "event_id": 5}, {}, "malformed_event"),
        ({"event_id": "e-1"}, {}, "malformed_event"),
        (GOOD, {"content_type": None}, "malformed_event"),
    ],
)  # fmt: skip
def test_poison_is_set_aside_with_its_body_and_the_next_event_is_handled(
    wire: Wire, body: Any, properties: dict[str, Any], reason: str
) -> None:
    send(wire, body, **properties)
    headers, message = dead(wire)
    raw = message.body if isinstance(message.body, bytes) else message.body.encode()
    assert headers["dead-letter-reason"] == reason
    assert raw == (body if isinstance(body, bytes) else json.dumps(body).encode())
    following = event()
    send(wire, following)
    eventually(lambda: attempts_at(following))


@pytest.mark.parametrize("headers", [DEEP_TABLE, DEEP_LIST])
def test_events_whose_headers_can_not_be_read_are_set_aside_however_they_are_read(
    wire: Wire, headers: bytes
) -> None:
    keys = [EVENT.name] * 3  # the first is read by py-amqp, and those that come with it are not
    wire.send_raw(poison.properties(headers, b"application/json"), b"{}", f"{EVENT.source}.events", *keys)
    for _ in keys:
        assert dead(wire)[0]["original-queue"] == QUEUE
    following = event()
    send(wire, following)
    eventually(lambda: attempts_at(following))


@pytest.mark.parametrize(
    "headers",
    [
        {"nameko.call_id_stack": 5}, {"nameko.call_id_stack": [1, 2]}, {"nameko.call_id_stack": "a"},
        {"nameko.call_id_stack": {"a": [None]}}, {"nameko.request_id": 7}, {"nameko.request_id": ["x"]},
        {"suite-attempts": -1}, {"suite-attempts": "many"}, {"suite-attempts": 10**12},
        {"suite-attempts": [1]}, {"delay-ms": "x"}, {"x-death": "x"}, {"nameko.": "x", "": "y"},
    ],
)  # fmt: skip
def test_odd_headers_do_no_harm(wire: Wire, headers: dict[str, Any]) -> None:
    sent = event(fail(ValueError("not yet"), times=1))
    send(wire, sent, headers=headers)
    eventually(lambda: [number for _, number in attempts_at(sent)] == [1, 2])


def test_an_event_with_as_many_attempts_as_allowed_gets_no_more(wire: Wire) -> None:
    sent = event(fail(ValueError("never")))
    send(wire, sent, headers={"suite-attempts": RETRY["max_attempts"] - 1})
    headers, _ = dead(wire)
    assert headers["suite-attempts"] == RETRY["max_attempts"]
    assert len(attempts_at(sent)) == 1


def test_a_token_in_an_events_headers_reaches_no_worker(wire: Wire, listener: Running) -> None:
    found: list[Any] = []
    entrypoint = next(iter(listener.container.entrypoints))
    sent = event()
    original = entrypoint.unpack_message_headers
    entrypoint.unpack_message_headers = lambda message: found.append(original(message)) or found[-1]
    try:
        send(
            wire,
            sent,
            headers={"nameko.auth_token": "t", "nameko.service_token": "s", "nameko.request_id": "r"},
        )
        eventually(lambda: attempts_at(sent))
    finally:
        del entrypoint.unpack_message_headers
    assert found == [{"request_id": "r", "attempt": "1"}]


def test_a_handler_that_the_page_does_not_know_does_not_start(vhost_uri: str, run: Run) -> None:
    class Stranger:
        name = "stranger"

        @handles(EVENT)
        def handle_user_deleted(self, event: dict[str, Any]) -> None:
            """Never called."""

    with pytest.raises(TypeError, match="not on the events page"):
        run(Stranger, make_config(AMQP_URI=vhost_uri))


def test_an_event_that_can_be_put_nowhere_stays_in_its_queue_and_does_not_loop_hot(
    wire: Wire, listener: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = next(iter(listener.container.entrypoints)).redelivery.publisher

    def refuse(messages: Any, declare: Any = ()) -> None:
        raise PublishFailed("the broker is away")

    monkeypatch.setattr(publisher, "publish", refuse)
    sent = event(fail(PermanentFailure("bad_address", "no such mailbox")))
    send(wire, sent)
    eventually(lambda: attempts_at(sent))
    eventlet.sleep(1.5)
    assert 1 <= len(attempts_at(sent)) <= 3
    monkeypatch.undo()
    assert dead(wire)[0]["dead-letter-reason"] == "bad_address"
