"""A page that is passed through unread is the page that reading it would have given."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import strict_json, unread_pages

ODD = ['],"next_cursor":', '"}],"next_cursor":null', "\\", '\\"],', "ü\u2028"]
TEXTS = st.text() | st.sampled_from(ODD)
ITEMS = st.lists(
    st.dictionaries(TEXTS | st.just("next_cursor"), TEXTS | st.integers(-9, 9) | st.lists(TEXTS))
)


def answer(items: Any, next_cursor: Any = None, total: Any = None, error: Any = None) -> bytes:
    """What a service sends."""
    page = {"items": items, "next_cursor": next_cursor, "total": total}
    return strict_json.encode({"result": page, "error": error})


@given(ITEMS, st.none() | TEXTS, st.none() | st.integers(0, 99))
def test_items_come_out_as_they_went_in(items: Any, next_cursor: Any, total: Any) -> None:
    page = unread_pages.read(answer(items, next_cursor, total))

    assert page is not None
    assert (page["next_cursor"], page["total"]) == (next_cursor, total)
    assert strict_json.encode(page["items"]) == strict_json.encode(items)


@pytest.mark.parametrize(
    "body",
    [
        b'{"result": {"items": [], "next_cursor": null, "total": null}, "error": null}',
        b'{"result":{"items":[],"next_cursor":null,"total":null,"more":1},"error":null}',
        b'{"result":{"items":[],"next_cursor":null},"error":null}',
        b'{"result":{"items":[{"a":[],"next_cursor":1}]},"error":null}',
        b'{"result":{"items":[],"next_cursor":null,"total":null},"error":{"exc_type":"X"}}',
        b'{"result":{"items":[],"next_cursor":null,"total":null}',
        b'{"result":null,"error":{"exc_type":"NotFound"}}',
        b"",
    ],
)
def test_what_is_no_plain_page_is_read_in_whole(body: bytes) -> None:
    assert unread_pages.read(body) is None


def test_values_that_the_serializer_has_encoded_are_read_in_whole() -> None:
    assert unread_pages.read(answer([{"__type__": "datetime", "__value__": "x"}])) is None


def test_a_text_that_is_no_page_s_end_stays_a_text() -> None:
    page = unread_pages.read(answer([{"title": '],"next_cursor":null,"total":null},"error":null}'}], "c"))

    assert page is not None
    assert orjson.loads(strict_json.encode(page["items"]))[0]["title"].startswith("],")
