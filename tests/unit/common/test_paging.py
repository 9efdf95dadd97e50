"""Cursors: opaque to the client, checked when they come back."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ValidationFailed
from common.paging import Page, read_cursor, write_cursor

values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@given(st.lists(values, min_size=1, max_size=4))
def test_a_cursor_is_read_back(place: list[object]) -> None:
    assert read_cursor(write_cursor(*place), len(place)) == place


@given(st.lists(values, min_size=1, max_size=4))
def test_a_cursor_goes_into_an_address_as_it_is(place: list[object]) -> None:
    assert set(write_cursor(*place)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


def test_a_time_in_a_cursor_is_exact() -> None:
    moment = datetime(2026, 11, 22, 13, 45, 0, 123_456, UTC)
    assert datetime.fromisoformat(read_cursor(write_cursor(moment, "x"))[0]) == moment


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "!!!", "é", "a" * 5, encoded(b"[1]"), encoded(b"[1,2,3]"), encoded(b"{}"), encoded(b'"ab"'),
        encoded(b"\xff\xfe"), encoded(b"[" * 5000), encoded(b"[1," + b"9" * 5000 + b"]"), encoded(b"null"),
    ],
)  # fmt: skip
def test_a_cursor_that_is_none_is_refused_by_name(cursor: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_cursor(cursor)
    assert list(caught.value.details) == ["cursor"]


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_refused(cursor: str) -> None:
    try:
        assert len(read_cursor(cursor)) == 2
    except ValidationFailed:
        pass


def test_the_one_item_too_many_tells_that_there_is_more() -> None:
    full = Page.cut([1, 2, 3], 2, None, write_cursor)
    last = Page.cut([1, 2], 2, 2, write_cursor)
    empty = Page.cut([], 2, 0, write_cursor)
    assert (full.items, json.loads(base64.urlsafe_b64decode(full.next_cursor + "=="))) == ([1, 2], [2])
    assert last.show(str) == {"items": ["1", "2"], "next_cursor": None, "total": 2}
    assert (empty.items, empty.next_cursor) == ([], None)
