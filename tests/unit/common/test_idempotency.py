"""Idempotency keys: which are taken, what tells two calls apart, and what a fingerprint gives away."""

from typing import Any

import pytest

from common.errors import ValidationFailed
from common.idempotency import Key, read_key

BODY = {"title": "Buy milk", "tags": ["a", "b"]}


def key(given: Any = "k-1", owner: str = "ada", call: Any = BODY, secret: str = "") -> Key:
    found = read_key(given, owner, call, secret)
    assert found is not None
    return found


def test_a_call_without_a_key_has_none() -> None:
    assert read_key(None, "ada", BODY) is None


@pytest.mark.parametrize(
    "given", ["", "  ", "x" * 201, "a\x00b", "a\nb", "a\x7fb", 5, ["k"], {"$ne": 1}, True]
)
def test_what_is_no_key_is_refused(given: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_key(given, "ada", BODY)
    assert list(caught.value.details) == ["idempotency_key"]


@pytest.mark.parametrize("given", ["x", "x" * 200, "ä-\U0001f600", '"3f1c6a0e"', "a b"])
def test_any_text_of_a_sane_length_is_a_key(given: str) -> None:
    assert key(given) != key("another")


def test_a_key_belongs_to_its_owner() -> None:
    assert key(owner="ada").digest != key(owner="bob").digest
    assert key("b", owner="ac").digest != key("cb", owner="a").digest


def test_the_order_of_a_bodys_fields_does_not_matter_and_all_else_does() -> None:
    same = key(call={"tags": ["a", "b"], "title": "Buy milk"})
    key().check(same.fingerprint)
    for other in ({**BODY, "tags": ["b", "a"]}, {**BODY, "order": 0}, {"title": "Buy milk"}, [BODY], None):
        with pytest.raises(ValidationFailed) as caught:
            key(call=other).check(same.fingerprint)
        assert caught.value.code == "idempotency_key_reused"


def test_a_fingerprint_with_a_secret_tells_nobody_without_it_which_password_it_was() -> None:
    body = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
    kept = key(call=body, secret="the signing secret")
    assert kept.fingerprint == key(call=body, secret="the signing secret").fingerprint
    assert kept.fingerprint not in (key(call=body).fingerprint, key(call=body, secret="a guess").fingerprint)
    assert kept.digest == key(call=body).digest
