"""E-mail addresses: what is one, and when two are the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.addresses import LONGEST, email_key, read_email


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("ada@example.com", "ada@example.com"), ("  Ada@EXAMPLE.com\n", "Ada@example.com"),
        ("a.b+tag@sub.example.org", "a.b+tag@sub.example.org"),
        ("jürgen@bücher.example", "jürgen@bücher.example"), ("ada@example.test", "ada@example.test"),
        (unicodedata.normalize("NFD", "jürgen@example.com"), "jürgen@example.com"),
    ],
)  # fmt: skip
def test_an_address_is_read_in_its_normal_form(given: str, read: str) -> None:
    assert read_email(given) == read


@pytest.mark.parametrize(
    "given",
    [
        "", " ", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "ada@exa mple.com",
        "ada@example..com", "ada@@example.com", "Ada <ada@example.com>", "ada@example.com,bob@example.com",
        "ada@example.com\nBcc: bob@example.com", "ada\0@example.com", "x" * 300 + "@example.com",
        "ada@" + "x" * 250 + ".com", "\ud800@example.com", "\ufdfa" * 30 + "@example.com", None, 5, ["a@b.c"],
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_a_sentence(given: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_email(given)


@given(st.text(max_size=40) | st.text(max_size=80).map(lambda text: f"{text}@example.com"))
def test_any_text_is_an_address_that_can_be_kept_or_refused(text: str) -> None:
    try:
        assert len(email_key(read_email(text))) <= LONGEST
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@X.org", "ada@x.org"),
        ("STRASSE@x.org", "straße@x.org"),
        ("ﬁ@x.org", "FI@x.org"),
        ("İ@x.org", "i̇@x.org"),
    ],
)
def test_two_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


def test_dots_and_tags_make_another_address() -> None:
    assert len({email_key(one) for one in ("a.b@x.org", "ab@x.org", "ab+c@x.org")}) == 3


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(text: str) -> None:
    assert email_key(email_key(text)) == email_key(text)
