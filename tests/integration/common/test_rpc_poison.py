"""Calls and replies that no client would send: each is answered or set aside, and ends nothing else."""

from typing import Any

import eventlet
import pytest

from common import errors, topology
from common.broker import PublishFailed
from common.errors import DeadlineExceeded, InternalError
from tests import poison
from tests.integration.common.calls import Mailbox
from tests.integration.running import Running, Wire, eventually
from tests.poison import DEEP_LIST, DEEP_TABLE

pytestmark = pytest.mark.usefixtures("nothing_ends_a_process")

ECHO = {"args": [], "kwargs": {"value": 1}}


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"reply_to": None}, "unanswerable_call"), ({"content_type": None}, "unanswerable_call"),
        ({"content_type": "application/x-strange"}, "undecodable"),
        ({"reply_to": None, "content_type": "application/x-strange"}, "undecodable"),
    ],
)  # fmt: skip
def test_a_call_that_can_not_be_answered_is_set_aside(
    wire: Wire, properties: dict[str, Any], reason: str
) -> None:
    wire.send(ECHO, "target.echo", "nameko-rpc", **{"reply_to": "nowhere", **properties})
    message = wire.take(topology.DEAD_LETTERS)
    assert message.headers["dead-letter-reason"] == reason
    assert message.headers["original-queue"] == "rpc-target"
    eventually(lambda: wire.count("rpc-target") == 0)


@pytest.mark.parametrize("headers", [DEEP_TABLE, DEEP_LIST])
def test_a_call_whose_headers_can_not_be_read_is_set_aside(wire: Wire, headers: bytes) -> None:
    properties = poison.properties(headers, b"application/json", b"nowhere")
    wire.send_raw(properties, b"{}", "nameko-rpc", "target.echo")
    assert wire.take(topology.DEAD_LETTERS).headers["original-queue"] == "rpc-target"
    eventually(lambda: wire.count("rpc-target") == 0)


@pytest.mark.parametrize(
    "body",
    [
        b"{not json", b"\xff", b"[" * 100_000, b'{"__type__":"datetime","__value__":"x"}',
        {"a": {"__type__": "uuid", "__value__": 1}},
    ],
)  # fmt: skip
def test_a_call_whose_body_can_not_be_read_is_answered_with_that(mailbox: Mailbox, body: Any) -> None:
    assert mailbox.ask(body)["error"]["exc_type"] == "MalformedRequest"


@pytest.mark.parametrize(
    "body",
    [
        b"null", 5, [], "text", {}, {"args": []}, {"kwargs": {}}, {"args": 5, "kwargs": {}},
        {"args": [], "kwargs": [1]}, {"args": [1, 2, 3], "kwargs": {}}, {"args": None, "kwargs": None},
        {"args": {"a": 1}, "kwargs": {"self": 1}}, {"args": [], "kwargs": {"self": 1, "value": 2}},
    ],
)  # fmt: skip
def test_a_call_of_a_wrong_shape_is_answered_with_an_error(mailbox: Mailbox, body: Any) -> None:
    assert mailbox.ask(body)["error"]["exc_type"] in (
        "MalformedRequest",
        "IncorrectSignature",
        "InternalError",
    )


@pytest.mark.parametrize("stack", [5, [1, 2], "a.b", {"a": 1}, [None], [["x"]], [True]])
def test_a_strange_call_id_stack_does_no_harm(mailbox: Mailbox, stack: Any) -> None:
    assert mailbox.ask(ECHO, headers={"nameko.call_id_stack": stack})["result"] == 1


def test_strange_headers_do_no_harm(mailbox: Mailbox) -> None:
    strange = {"nameko.auth_token": 5, "nameko.request_id": {"a": [1]}, "": "x", "nameko.": "y", "x-death": 1}
    assert mailbox.ask(ECHO, headers=strange)["result"] == 1
    assert mailbox.ask({"args": [], "kwargs": {}}, "who", {"nameko.auth_token": 5})["error"]["exc_type"] == (
        "Unauthenticated"
    )


def test_a_reply_to_nobody_is_lost_and_nothing_else(wire: Wire) -> None:
    wire.send(ECHO, "target.echo", "nameko-rpc", reply_to="nobody", correlation_id="c")
    eventually(lambda: wire.count("rpc-target") == 0)


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (b"{not json", {}), (b"null", {}), (b"5", {}), ([], {}), ({}, {}), ({"error": "x"}, {}),
        ({"result": 1, "error": {"exc_path": "common.errors.NotFound", "exc_args": [1, 2, 3, 4, 5]}}, {}),
        ({"result": 1, "error": {"exc_path": "common.errors.NotFound"}}, {}),
        ({"result": 1, "error": {"exc_path": ["x"]}}, {}), (b"x", {"content_type": "application/x-strange"}),
    ],
)  # fmt: skip
def test_a_reply_that_is_none_ends_the_call_it_answers_and_nothing_else(
    middle: Running, wire: Wire, body: Any, properties: dict[str, Any]
) -> None:
    client = middle.inject("silent").within(1.5)
    requests: list[Any] = []
    tag = wire.channel.basic_consume("rpc-silent", callback=requests.append, no_ack=True)
    waiting = eventlet.spawn(_outcome, client)
    while not requests:
        wire.connection.drain_events(timeout=10)
    request = requests[0]
    answer = {"correlation_id": request.properties["correlation_id"], **properties}
    wire.send(body, request.properties["reply_to"], "nameko-rpc", **answer)
    assert isinstance(waiting.wait(), InternalError | DeadlineExceeded)
    wire.channel.basic_cancel(tag)


def _outcome(client: Any) -> Any:
    try:
        return client.anything()
    except errors.SuiteError as error:
        return error


def test_poison_while_the_dead_letters_can_not_be_reached_stays_in_its_queue(
    target: Running, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = next(iter(target.container.entrypoints)).rpc_consumer
    refused: list[str] = []

    def refuse(messages: Any, declare: Any = ()) -> None:
        refused.append("refused")
        raise PublishFailed("the broker is away")

    monkeypatch.setattr(consumer.redelivery.publisher, "publish", refuse)
    wire.send(ECHO, "target.echo", "nameko-rpc", content_type=None)
    eventually(lambda: refused)
    eventlet.sleep(1.5)
    assert target.is_alive
    assert len(refused) <= 3
    monkeypatch.undo()
    assert wire.take(topology.DEAD_LETTERS).headers["dead-letter-reason"] == "unanswerable_call"
