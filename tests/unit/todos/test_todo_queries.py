"""Cursors and query parameters, without a database."""

import base64
import re
from datetime import UTC, datetime

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ValidationFailed
from common.schemas import LONGEST_CURSOR
from services.todos import cursors, documents, domain, queries

SCOPE = cursors.scope_of("user-1", "title_key", {"sort": "title"})
LAST = ObjectId("0123456789abcdef01234567")


@given(st.text(max_size=300).filter(lambda text: text.isprintable()) | st.integers(-(2**31), 2**31 - 1))
def test_a_cursor_leads_back_to_where_it_was_made(key):
    cursor = cursors.encode(SCOPE, (key, LAST))
    assert cursors.decode(SCOPE, "title_key", cursor) == (key, LAST)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)


def test_a_cursor_keeps_a_time_to_the_millisecond():
    moment = datetime(2026, 11, 22, 12, 0, 0, 123000, UTC)
    cursor = cursors.encode(SCOPE, (moment, LAST))
    assert cursors.decode(SCOPE, "created_at", cursor) == (moment, LAST)
    assert (
        cursors.decode(SCOPE, "due_key", cursors.encode(SCOPE, (documents.NEVER, LAST)))[0] == documents.NEVER
    )


def test_the_longest_title_still_fits_into_a_cursor():
    key = documents.to_document(
        domain.create("0" * 24, "u", {"title": "\U0001f389" * 200}, documents.NEVER).todo
    )
    assert len(cursors.encode(SCOPE, (key["title_key"], LAST))) < LONGEST_CURSOR


def test_any_changed_character_is_noticed():
    cursor = cursors.encode(SCOPE, ("milk", LAST))
    for place, letter in enumerate(cursor):
        for other in ("A" if letter != "A" else "B", "", "-", "=", "\u00e4"):
            damaged = cursor[:place] + other + cursor[place + 1 :]
            if damaged != cursor:
                refused(damaged)


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused(text):
    refused(text)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "[1,2]", "[1,2,3,4]", "null", "[" * 3000, '["a","x","y"]', "\x00"]
)
def test_what_looks_like_a_cursor_but_is_none_is_refused(text):
    refused(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def refused(cursor):
    with pytest.raises(ValidationFailed) as refusal:
        cursors.decode(SCOPE, "title_key", cursor)
    assert set(refusal.value.details) == {"cursor"}


def test_a_cursor_of_another_user_order_or_filter_is_refused():
    others = [
        cursors.scope_of("user-2", "title_key", {"sort": "title"}),
        cursors.scope_of("user-1", "order", {"sort": "title"}),
        cursors.scope_of("user-1", "title_key", {"sort": "-title"}),
        cursors.scope_of("user-1", "title_key", {"sort": "title", "q": "x"}),
    ]
    for other in others:
        refused(cursors.encode(other, ("milk", LAST)))


def test_every_condition_stands_beside_the_owner():
    listing = queries.listing(
        "user-1", {"q": "a b", "tag": "t", "status": "pending", "due_after": "2030-01-01T00:00:00Z"}
    )
    owner, *rest = listing.selection["$and"]
    assert owner == {"user_id": "user-1", "deleted_at": None}
    assert len(rest) == 5
    later = queries.listing("user-1", {"cursor": listing_cursor("user-1")})
    assert later.page["$and"][0]["$and"][0] == owner


def listing_cursor(user_id):
    first = queries.listing(user_id, {})
    return first.cursor_after({"created_at": documents.NEVER, "_id": LAST})


@given(st.text(min_size=1, max_size=200))
def test_a_search_holds_escaped_words_only(text):
    try:
        listing = queries.listing("user-1", {"q": text})
    except ValidationFailed:
        return
    for clause in listing.selection["$and"][1:]:
        pattern = clause["$or"][0]["title"]["$regex"]
        assert isinstance(pattern, str) and re.fullmatch(pattern, re.sub(r"\\(.)", r"\1", pattern))


def test_ids_are_read_from_text_alone():
    assert documents.object_id("0123456789abcdef01234567") == LAST
    assert documents.object_id("0123456789ABCDEF01234567") == LAST
    for odd in (None, 5, b"123456789012", "twelve bytes", "x" * 24, {"$ne": None}, LAST, ""):
        assert documents.object_id(odd) is None


def test_a_document_holds_the_todo_and_keys_that_sort_as_people_expect():
    now = datetime(2026, 11, 22, tzinfo=UTC)
    todo = domain.create(str(LAST), "u", {"title": "\u00c4rger", "priority": "high"}, now).todo
    document = documents.to_document(todo)
    assert (document["title_key"], document["priority_key"], document["due_key"]) == (
        "\u00e4rger",
        2,
        documents.NEVER,
    )
    assert documents.from_document({"_id": LAST, **document}) == todo
