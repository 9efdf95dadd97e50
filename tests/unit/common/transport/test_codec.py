"""Bodies of calls: quick where JSON is plain, and as Nameko has them where it is not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.transport import codec

JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
ACCEPT = {"application/json"}


@pytest.mark.parametrize("value", [None, 1.5, "ü\U0001f600", [{"a": True}], 2**63, "\ud800", {"": {}}])
def test_a_value_survives(value: Any) -> None:
    assert codec.loads(codec.dumps({"args": (), "kwargs": {"value": value}}), JSON, ACCEPT) == {
        "args": [], "kwargs": {"value": value},
    }  # fmt: skip


def test_a_number_beyond_64_bits_arrives_as_a_float() -> None:
    assert codec.loads(codec.dumps([10**30]), JSON, ACCEPT) == [1e30]


@pytest.mark.parametrize("value", [object(), datetime.now(UTC), {1, 2}, b"bytes"])
def test_what_json_does_not_know_is_an_error_and_no_guess(value: Any) -> None:
    with pytest.raises(TypeError):
        codec.dumps({"value": value})


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"__type__":"uuid","__value__":1}'])
def test_what_can_not_be_read_is_an_error(body: bytes) -> None:
    with pytest.raises(Exception):  # noqa: B017
        codec.loads(body, JSON, ACCEPT)


def test_what_a_stock_service_has_encoded_is_decoded() -> None:
    body = b'{"at": {"__type__": "datetime", "__value__": "2030-01-01T00:00:00+00:00"}}'
    assert codec.loads(body, JSON, ACCEPT) == {"at": datetime(2030, 1, 1, tzinfo=UTC)}


def test_a_serializer_that_is_not_accepted_is_refused() -> None:
    with pytest.raises(Exception, match="untrusted"):
        codec.loads(b"x", {"content_type": "application/x-python-serialize"}, ACCEPT)


@pytest.mark.parametrize("value", [None, 1.5, "ü\U0001f600", [{"a": True}], 2**63, {"": {}}])
def test_what_json_says_is_plain(value: Any) -> None:
    assert codec.is_plain({"value": value})


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, [["\ud800\ud800"]], 2**70, b"bytes"])
def test_what_only_pythons_json_knows_is_not(value: Any) -> None:
    assert not codec.is_plain({"value": value})
