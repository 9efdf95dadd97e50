"""What of a message's headers becomes a worker's context, and what goes on from there."""

import pytest

from common import context


def test_only_known_keys_are_kept() -> None:
    headers = {"request_id": "r", "auth_token": "t", "x-death": [{}], "locale": "de", "attempt": "3"}
    assert context.clean(headers) == {"request_id": "r", "auth_token": "t"}


@pytest.mark.parametrize("value", [1, None, b"x", ["a"], {"a": 1}, True, "x" * 4097])
def test_a_value_that_is_no_sane_text_is_dropped(value: object) -> None:
    assert context.clean({"request_id": value, "user_agent": "x" * 4096}) == {"user_agent": "x" * 4096}


@pytest.mark.parametrize("stack", [5, "a.b", [1, 2], ["a", None], {"a": 1}, None, [["a"]], b"x"])
def test_a_call_id_stack_that_is_no_list_of_texts_is_dropped(stack: object) -> None:
    assert context.clean({"call_id_stack": stack}) == {}


def test_of_a_call_id_stack_the_last_ten_are_kept() -> None:
    stack = [str(number) for number in range(100)]
    assert context.clean({"call_id_stack": stack}) == {"call_id_stack": stack[-10:]}


def test_no_token_travels_with_an_event() -> None:
    data = {"auth_token": "t", "service_token": "s", "request_id": "r", "traceparent": "p", "deadline": "1"}
    assert context.outgoing(data, context.EVENT_KEYS) == {"request_id": "r", "traceparent": "p"}


def test_a_call_passes_on_who_asks_and_not_the_service_before_it() -> None:
    data = {"auth_token": "t", "service_token": "s", "request_id": "r", "client_ip": ""}
    assert context.outgoing(data, context.CALL_KEYS) == {"auth_token": "t", "request_id": "r"}


def test_a_context_comes_back_as_it_was_sent_packed_or_spelled_out() -> None:
    data = {"request_id": "ü", "auth_token": "t", "call_id_stack": ["a.b.1"]}
    assert context.received(context.packed(data)) == data
    assert context.received(context.spelled_out(data)) == data


@pytest.mark.parametrize("packed", ["", "{", "[]", "5", "null", None, 5, ["x"], {"a": 1}, "\ud800"])
def test_a_packed_context_that_is_none_is_empty(packed: object) -> None:
    assert context.received({context.PACKED: packed, "nameko.request_id": "r"}) == {}
