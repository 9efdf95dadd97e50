"""What is no JSON is refused with a reason; what is, comes back as it was."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import strict_json
from common.errors import BadRequest
from common.transport import codec

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | texts
plain |= st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


def refusal(raw: bytes) -> str:
    with pytest.raises(BadRequest) as caught:
        strict_json.loads(raw)
    assert caught.value.code == "malformed_json"
    return caught.value.message


@given(values)
def test_what_is_written_is_read_back(value: object) -> None:
    assert strict_json.loads(strict_json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_a_sentence(raw: bytes) -> None:
    try:
        strict_json.loads(raw)
    except BadRequest as error:
        assert error.message.endswith(".")


@pytest.mark.parametrize("raw", [b"NaN", b"Infinity", b"-Infinity", b'{"a":[NaN]}', b"1e999", b"[-1e999]"])
def test_a_number_that_is_none_is_refused(raw: bytes) -> None:
    assert "number" in refusal(raw) or "not a JSON value" in refusal(raw)


@pytest.mark.parametrize("digits", [309, 310, 400, 1000, 5001])
@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_that_is_no_float_is_refused_as_a_float_is(sign: str, digits: int) -> None:
    message = refusal(f"[{sign}{'9' * digits}]".encode())
    assert "a number is too large" in message
    assert "sys." not in message


@pytest.mark.parametrize("sign", ["", "-"])
def test_the_longest_integer_that_is_read_gets_through_a_call(sign: str) -> None:
    value = strict_json.loads(f"[{sign}{'9' * 308}]".encode())
    properties = {"content_type": "application/json", "content_encoding": "utf-8"}
    assert codec.loads(codec.dumps(value), properties, {"application/json"}) == [float(sign + "1e308")]


def test_a_large_number_is_kept_exactly() -> None:
    assert strict_json.loads(str(2**64 + 1).encode()) == 2**64 + 1


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'[{"x":{"a":1,"b":2,"a":3}}]', b'{"a":1,"\\u0061":2}'])
def test_a_key_twice_in_one_object_is_refused(raw: bytes) -> None:
    assert "same key twice" in refusal(raw)


@pytest.mark.parametrize(
    "raw", [b'"\\ud800"', b'{"\\udfff":1}', b'[{"a":["x\\udc00y"]}]', b'"\\ude00\\ud83d"']
)
def test_a_lone_surrogate_is_refused_in_values_and_keys(raw: bytes) -> None:
    assert "surrogate" in refusal(raw)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert strict_json.loads(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize(
    "raw", [b"\xff", b'"\xc3"', b'"\xed\xa0\x80"', b"\xff\xfe{\x00}\x00", '"ü"'.encode("latin-1")]
)
def test_bytes_that_are_no_utf8_are_refused(raw: bytes) -> None:
    assert "UTF-8" in refusal(raw)


def test_a_byte_order_mark_is_refused() -> None:
    assert "BOM" in refusal(b"\xef\xbb\xbf{}")


@pytest.mark.parametrize(
    "raw", [b"", b" ", b"{", b"[1,]", b"{'a':1}", b"tru", b"1 2", b'{"a"}', b"01", b'"\n"']
)
def test_a_body_that_breaks_off_or_is_spelled_wrongly_is_refused(raw: bytes) -> None:
    assert "not valid JSON" in refusal(raw)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_thirty_two_levels_are_read_and_thirty_three_refused(opening: bytes, closing: bytes) -> None:
    core = b"1"
    assert strict_json.loads(opening * 32 + core + closing * 32)
    assert "deeper than 32" in refusal(opening * 33 + core + closing * 33)


def test_brackets_in_a_text_are_no_levels() -> None:
    assert strict_json.loads(b'["%s"]' % (b"[" * 100)) == ["[" * 100]


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_a_hundred_thousand_levels_are_refused_like_thirty_three(raw: bytes) -> None:
    assert "deeper than 32" in refusal(raw)


@pytest.mark.parametrize(
    "raw",
    [b'{"__type__":"datetime","__value__":"x"}', b'[{"a":{"__value__":null,"__type__":1}}]'],
)
def test_an_object_that_the_serializer_would_take_for_a_value_is_refused(raw: bytes) -> None:
    assert "__type__" in refusal(raw)


@pytest.mark.parametrize("raw", [b'{"__type__":1}', b'{"__type__":1,"__value__":2,"x":3}'])
def test_other_objects_with_such_keys_are_fine(raw: bytes) -> None:
    assert strict_json.loads(raw) == json.loads(raw)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": -math.inf}])
def test_nothing_writes_a_number_that_is_none(value: object) -> None:
    with pytest.raises(ValueError):
        strict_json.dumps(value)


def test_what_json_does_not_know_is_not_guessed_at() -> None:
    with pytest.raises(TypeError):
        strict_json.dumps({1, 2})


def test_what_is_encoded_is_json_whatever_its_text_and_numbers() -> None:
    assert strict_json.encode({"a": "ü", "b": [1, None]}) == '{"a":"ü","b":[1,null]}'.encode()
    assert strict_json.encode("\ud800") == b'"\\ud800"'
    assert strict_json.encode(2**70) == str(2**70).encode()
    for unknown in (object(), b"x", [2**70, float("nan")]):
        with pytest.raises((TypeError, ValueError)):
            strict_json.encode(unknown)
