"""Calls end in time, errors arrive as they were raised, and poison ends nothing but itself."""

import time
from typing import Any

import eventlet
import pytest
from kombu import Exchange, Queue
from nameko.exceptions import IncorrectSignature, MethodNotFound, RemoteError
from nameko.standalone.rpc import ClusterRpcProxy

from common import errors
from common.errors import DeadlineExceeded, Forbidden, InternalError, Unauthenticated, Unavailable
from tests.integration.common.calls import Again, Mailbox, Narrow, Target, in_seconds
from tests.integration.conftest import Run
from tests.integration.running import Running, Somebody, Wire, eventually

pytestmark = pytest.mark.usefixtures("nothing_ends_a_process")
WORDS = sorted(word.__name__ for word in errors.SuiteError.__subclasses__())


def test_a_result_comes_back_as_it_is(call: Any) -> None:
    value = {"a": [1, 2.5, None, True, "ü\U0001f600", {"b": []}], "big": "x" * 300_000}
    assert call.echo(value=value) == value


@pytest.mark.parametrize("word", WORDS)
def test_an_error_arrives_as_the_class_that_was_raised(call: Any, ada: Somebody, word: str) -> None:
    for asked in (call, ada.call.target):
        with pytest.raises(errors.SuiteError) as caught:
            asked.fail(word=word)
        assert type(caught.value) is getattr(errors, word)
        assert caught.value.args == ("a_word", "A sentence.", {"field": ["One.", "Two."]})


def test_a_crash_is_an_internal_error_that_tells_nothing(call: Any, ada: Somebody) -> None:
    for asked in (call, ada.call.target):
        with pytest.raises(InternalError) as caught:
            asked.crash()
        assert "sesame" not in str(caught.value.args)


def test_a_result_that_can_not_be_written_is_an_error_and_no_silence(call: Any, ada: Somebody) -> None:
    with pytest.raises(InternalError):
        call.odd()
    with pytest.raises(RemoteError, match="Unserializable"):
        ada.call.target.odd()


def test_an_unknown_method_or_wrong_arguments_are_errors_at_once(call: Any, ada: Somebody) -> None:
    with pytest.raises(MethodNotFound):
        ada.call.target.nothing()
    with pytest.raises(IncorrectSignature):
        ada.call.target.echo(colour="red")
    for method, arguments in (("nothing", {}), ("echo", {}), ("echo", {"value": 1, "other": 2})):
        with pytest.raises(InternalError):
            getattr(call, method)(**arguments)


def test_a_service_without_a_queue_is_not_available(middle: Running) -> None:
    with pytest.raises(Unavailable):
        middle.inject("nobody").anything()


def test_a_call_to_a_silent_service_ends_at_its_deadline_and_is_forgotten(
    middle: Running, wire: Wire
) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        middle.inject("silent").anything()
    assert 0.29 <= time.monotonic() - started < 1.5
    assert middle.provider("silent").rpc_reply_listener.awaited == {}
    eventually(lambda: wire.count("rpc-silent") == 0)


def test_a_call_that_needs_no_place_is_answered_while_all_places_are_taken(
    config: dict[str, Any], run: Run
) -> None:
    if config["RPC_TRANSPORT"] == "stock":
        pytest.skip("Nameko's own consumer waits for a place before it takes the next call")
    narrow = run(Narrow, config | {"max_workers": 2})
    waiting, asking = [Somebody(config) for _ in range(3)], Somebody(config)
    answers = [one.call.narrow.wait.call_async(number=at) for at, one in enumerate(waiting)]
    eventually(lambda: len(Narrow.begun) == 2)
    assert asking.call.narrow.look() == 2
    Narrow.begun.extend(range(9))
    with pytest.raises(errors.Conflict):
        asking.call.narrow.look()
    Narrow.go_on.send()
    assert [answer.result() for answer in answers] == [0, 1, 2]
    for one in (*waiting, asking):
        one.stop()
    assert narrow.is_alive


def test_a_call_inherits_what_is_left_of_its_callers_time(middle: Running) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        middle.inject("target", **in_seconds(0.3)).sleep(seconds=3, mark="late")
    assert time.monotonic() - started < 1.5


def test_a_call_without_time_left_is_not_sent(middle: Running) -> None:
    with pytest.raises(DeadlineExceeded):
        middle.inject("target", **in_seconds(-1)).sleep(seconds=0, mark="never")
    eventlet.sleep(0.2)
    assert Target.executed == []


def test_a_shorter_deadline_can_be_asked_for(call: Any) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        call.within(0.2).sleep(seconds=2, mark="late")
    assert time.monotonic() - started < 1.2


def test_a_request_whose_time_is_over_is_not_executed(mailbox: Mailbox) -> None:
    body = {"args": [], "kwargs": {"seconds": 0, "mark": "never"}}
    headers = {f"nameko.{key}": value for key, value in in_seconds(-0.5).items()}
    answer = mailbox.ask(body, "sleep", headers)
    assert answer["error"]["exc_type"] == "DeadlineExceeded"
    assert Target.executed == []


@pytest.mark.parametrize("deadline", ["soon", "", "nan", "-inf", 5, None, "1e400", "x" * 5000])
def test_a_deadline_that_is_none_does_no_harm(mailbox: Mailbox, deadline: Any) -> None:
    answer = mailbox.ask({"args": [], "kwargs": {"value": 1}}, headers={"nameko.deadline": deadline})
    assert answer["result"] == 1 or answer["error"]["exc_type"] == "DeadlineExceeded"


def test_a_request_that_nobody_took_in_time_leaves_the_queue(middle: Running, wire: Wire) -> None:
    def ask() -> None:
        with pytest.raises(DeadlineExceeded):
            middle.inject("silent").anything()

    asking = eventlet.spawn(ask)
    message = wire.take("rpc-silent")
    assert 0 < int(message.properties["expiration"]) <= 300
    asking.wait()


def test_a_reply_that_comes_too_late_is_dropped(call: Any, middle: Running) -> None:
    with pytest.raises(DeadlineExceeded):
        call.within(0.1).sleep(seconds=0.3, mark="late")
    eventlet.sleep(0.5)
    assert middle.provider("target").rpc_reply_listener.awaited == {}


def test_the_caller_behind_a_service_is_the_same_two_hops_on(ada: Somebody) -> None:
    assert ada.call.middle.who() == [ada.user_id, ada.user_id]


def test_only_services_reach_what_is_for_services(ada: Somebody, config: dict[str, Any]) -> None:
    assert ada.call.middle.inner(trusted=True) == "in"
    with pytest.raises(Forbidden) as caught:
        ada.call.middle.inner(trusted=False)
    assert caught.value.code == "service_only"
    admin = Somebody(config, role="admin")
    with pytest.raises(Forbidden):
        admin.call.target.inner()
    assert admin.call.target.rule() == "ruled"
    admin.stop()


def test_who_has_no_good_token_is_refused(middle: Running, ada: Somebody) -> None:
    for token, code in (("", "missing_token"), ("a.b.c", "invalid_token"), ("x" * 5000, "missing_token")):
        context = {"auth_token": token} if token else {}
        with pytest.raises(Unauthenticated) as caught:
            middle.inject("target", **context).who()
        assert caught.value.code in (code, "invalid_token")
    with pytest.raises(Forbidden):
        ada.call.target.rule()


def test_a_stock_client_of_nameko_can_call(config: dict[str, Any]) -> None:
    with ClusterRpcProxy(config, timeout=5) as proxy:
        assert proxy.target.echo(value=1) == 1
        assert proxy.target.echo.call_async(value=2).result() == 2


def test_many_calls_at_once_get_their_own_answers(call: Any) -> None:
    pool = eventlet.GreenPool(50)
    assert list(pool.imap(lambda number: call.echo(value=number), range(300))) == list(range(300))


def test_a_call_that_is_delivered_again_is_told_to_the_method_or_refused(
    config: dict[str, Any], wire: Wire, mailbox: Mailbox, run: Run
) -> None:
    exchange = Exchange("nameko-rpc", type="topic", durable=True)
    Queue("rpc-again", exchange, "again.*", durable=True)(wire.channel).declare()
    for method in ("read", "change"):
        how = {"reply_to": mailbox.name, "correlation_id": "c-1"}
        wire.send({"args": [], "kwargs": {}}, f"again.{method}", "nameko-rpc", **how)
    # Somebody takes both and dies before they are answered.
    taken = [eventually(lambda: wire.channel.basic_get("rpc-again")) for _ in range(2)]
    for message in taken:
        wire.channel.basic_reject(message.delivery_tag, requeue=True)
    run(Again, config)
    answers = [mailbox.answer(), mailbox.answer()]
    assert [one["result"] for one in answers if one["error"] is None] == [True]
    assert [one["error"]["exc_args"][0] for one in answers if one["error"]] == ["interrupted"]
