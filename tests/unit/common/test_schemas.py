"""The fields that all shapes are made of."""

import sys
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from common.errors import ValidationFailed
from common.schemas import (
    LONGEST_CURSOR,
    MOST_ERRORS,
    Cursor,
    EmailAddress,
    Limit,
    StrictBoolean,
    StrictSchema,
    Text,
    Timestamp,
    WholeNumber,
    load,
    refuse,
)


class Inner(StrictSchema):
    n = fields.Integer()


class Sample(StrictSchema):
    title = Text(1, 5)
    note = Text(0, 20, multiline=True, trim=False)
    flag = StrictBoolean()
    email = EmailAddress()
    at = Timestamp()
    order = WholeNumber(validate=validate.Range(-5, 5))
    limit = Limit()
    cursor = Cursor()
    inner = fields.Nested(Inner)
    many = fields.List(fields.Nested(Inner))
    shown = fields.String(dump_only=True)


def errors_of(data: Any, schema: type[Schema] | None = None) -> dict[str, list[str]]:
    with pytest.raises(ValidationFailed) as caught:
        load(schema or Sample, data)
    assert caught.value.code == "validation_failed"
    return caught.value.details


class Pair(StrictSchema):
    compared = frozenset(("a", "b"))
    a = fields.Integer()
    b = fields.Integer()

    @validates_schema
    def _differ(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data.get("a") == data.get("b"):
            raise ValidationError("The same as a.", "b")


class Always(Pair):
    compared = frozenset()


class Odd(StrictSchema):
    class_ = fields.Integer(data_key="class")
    twice = fields.Integer(post_load=lambda value: value * 2)


def test_hooks_see_all_input_or_that_which_has_the_fields_they_compare() -> None:
    assert (
        errors_of({"a": 1, "b": 1}, Pair) == errors_of({"a": 1, "b": 1}, Always) == {"b": ["The same as a."]}
    )
    assert load(Pair, {"a": 1, "b": 2}) == load(Always, {"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert load(Pair, {}) == {}
    assert errors_of({}, Always) == {"b": ["The same as a."]}


def test_fields_of_another_name_and_with_functions_of_their_own_are_left_to_marshmallow() -> None:
    assert load(Odd, {"class": 1, "twice": 2}) == {"class_": 1, "twice": 4}


@pytest.mark.parametrize(
    "data",
    [
        {"title": " ab ", "note": "a\nb ", "flag": True, "order": 5.0, "limit": "7", "cursor": "abc"},
        {"many": [{"n": 1}, {}], "inner": {"n": "2"}, "email": "A@Example.org"},
        {"at": "2026-01-01T00:00:00+01:00"}, {},
    ],
)  # fmt: skip
def test_what_is_right_is_read_as_marshmallow_reads_it(data: dict[str, Any]) -> None:
    read = Sample().read(data)
    assert read is not None
    assert list(read.items()) == list(Sample().load(data).items())


def test_text_is_trimmed_and_then_measured() -> None:
    assert load(Sample, {"title": "  abcde  "}) == {"title": "abcde"}
    assert "title" in errors_of({"title": "   "})
    assert "title" in errors_of({"title": "abcdef"})


def test_text_is_measured_in_characters_not_in_bytes() -> None:
    assert load(Sample, {"title": "\U0001f600" * 5})


@pytest.mark.parametrize(
    "value",
    ["\u200b", "\u200e\u200f", "\u3164", "\u115f\u1160", "\uffa0", "\u2800", " \u2060\ufeff ", "\u00ad",
     "\u034f", "\ufe0f", "\U000e0020", "\u202e \u202c", "\u180e", "\u3000", "\ufff9"],
)  # fmt: skip
def test_text_that_shows_nothing_is_refused_like_a_blank_one(value: str) -> None:
    assert errors_of({"title": value}) == errors_of({"title": ""})
    assert load(Sample, {"note": value}) == {"note": value}


@pytest.mark.parametrize("value", ["a\u200d", "\u0644\u200c", "\u2764\ufe0f", "\u0600", "\u200b.", "\ud55c"])
def test_text_keeps_its_invisible_signs_beside_visible_ones(value: str) -> None:
    assert load(Sample, {"title": value}) == {"title": value}


@pytest.mark.parametrize("value", ["a\0b", "a\x1b[31m", "a\nb", "a\tb", "a\ud800b", "a\x85b", "a\x7fb"])
def test_text_has_no_control_characters_and_no_half_characters(value: str) -> None:
    assert errors_of({"title": value}) == {"title": ["Control characters are not allowed."]}


@pytest.mark.parametrize(("text", "kept"), [(Text(0, 9), ""), (Text(0, 9, multiline=True), "\n\r\t")])
def test_control_characters_are_those_that_unicode_names_so(text: Text, kept: str) -> None:
    everything = map(chr, range(sys.maxunicode + 1))
    control = [one for one in everything if unicodedata.category(one) in ("Cc", "Cs") and one not in kept]
    assert text._control.findall("".join(map(chr, range(sys.maxunicode + 1)))) == control


def test_text_of_many_lines_has_line_breaks_and_tabs_and_keeps_its_ends() -> None:
    assert load(Sample, {"note": " a\r\n\tb "}) == {"note": " a\r\n\tb "}
    assert "note" in errors_of({"note": "a\0"})


@pytest.mark.parametrize("value", [1, None, True, ["a"], {"a": 1}, b"a"])
def test_text_is_text(value: object) -> None:
    assert "title" in errors_of({"title": value})


@pytest.mark.parametrize("value", ["true", "yes", 1, 0, "", None, [], "on"])
def test_a_boolean_is_true_or_false(value: object) -> None:
    assert load(Sample, {"flag": True}) == {"flag": True}
    assert "flag" in errors_of({"flag": value})


@pytest.mark.parametrize("value", ["nobody", 5, None, "", {"a": 1}])
def test_an_address_is_an_address(value: object) -> None:
    assert load(Sample, {"email": " Ada@EXAMPLE.com "}) == {"email": "Ada@example.com"}
    assert "email" in errors_of({"email": value})


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T13:45:00.123456Z",
        "2026-11-22T14:45:00.123+01:00",
        "2026-11-22t13:45:00.123z",
        "2026-11-22T13:45:00.123-00:00",
    ],
)
def test_a_time_is_read_as_utc_and_cut_to_the_millisecond(text: str) -> None:
    assert load(Sample, {"at": text}) == {"at": datetime(2026, 11, 22, 13, 45, 0, 123_000, UTC)}


@pytest.mark.parametrize(
    "text",
    ["2030-01-01T00:00Z", "2030-01-01 00:00:00z", "2030-01-01t02:00+02:00", "2030-01-01T00:00:00.0004-00:00"],
)
def test_a_time_may_be_without_seconds_or_with_a_space(text: str) -> None:
    assert load(Sample, {"at": text}) == {"at": datetime(2030, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22", "2026-11-22 13:45:00", "2026-11-22T13:45:00", "tomorrow", "", 1764000000, None, True,
        "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T25:00:00Z", "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00", "2026-11-22T13:45:00Z; DROP", ["2026-11-22T13:45:00Z"],
        "2030-W01-1T00:00:00Z", "20300101T000000Z", "2030-01-01T00Z", "2030-01-01T00:00:00,5Z",
        "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00+0200", "2030-01-01T00:00:00+02",
        "2030-01-01T00:00:00+02:00:30", "2030-01-01_00:00:00Z", "2030-01-01T00:00:00+00:60",
        "2030-01-01T24:00:00Z", "2030-01-01T00:00:00+24:00", "2030-01-01T00:00:61Z",
        "\uff12030-01-01T00:00:00Z", "2030-01-01T00:00:00Z\n", " 2030-01-01T00:00:00Z",
        "+2030-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_a_time_without_its_offset_or_that_is_none_is_refused(value: object) -> None:
    assert list(errors_of({"at": value})) == ["at"]


def test_unknown_and_read_only_fields_are_refused_by_name() -> None:
    assert errors_of({"colour": "red", "shown": "x"}) == {
        "colour": ["Unknown or read-only field."],
        "shown": ["Unknown or read-only field."],
    }


def test_of_very_many_wrong_fields_the_first_are_told_and_how_many_more() -> None:
    with pytest.raises(ValidationFailed) as caught:
        load(Sample, {f"field-{n}": n for n in range(60_000)})
    assert len(caught.value.details) == MOST_ERRORS
    assert caught.value.message == f"Some fields are not valid. {60_000 - MOST_ERRORS} more are not listed."
    assert len(errors_of({f"field-{n}": n for n in range(MOST_ERRORS)})) == MOST_ERRORS


@pytest.mark.parametrize("data", [None, [], "x", 5, True])
def test_what_is_no_object_is_refused(data: object) -> None:
    assert errors_of(data) == {"_schema": ["This must be an object."]}


def test_errors_inside_are_told_by_their_path() -> None:
    found = errors_of({"inner": {"n": "x", "z": 1}, "many": [{"n": 1}, {"n": "x"}, 5]})
    assert set(found) == {"inner.n", "inner.z", "many.1.n", "many.2"}
    assert all(isinstance(text, str) for texts in found.values() for text in texts)


def test_one_field_can_be_refused_by_a_rule() -> None:
    with pytest.raises(ValidationFailed) as caught:
        refuse("title", "Not today.")
    assert caught.value.details == {"title": ["Not today."]}


@pytest.mark.parametrize(("given", "read"), [(3, 3), (-5, -5), (3.0, 3), (-0.0, 0)])
def test_a_whole_number_is_one_however_json_writes_it(given: float, read: int) -> None:
    found = load(Sample, {"order": given})["order"]
    assert (found, type(found)) == (read, int)


@pytest.mark.parametrize("given", ["3", 1.5, 6, 1e300, True, None, [], {}])
def test_what_is_no_whole_number_in_its_range_is_refused(given: object) -> None:
    assert "order" in errors_of({"order": given})


@pytest.mark.parametrize("given", ["0", "101", "+5", "1_0", " 5", "5.0", "\u0665", "", "x"])
def test_a_limit_is_written_in_digits(given: str) -> None:
    assert "limit" in errors_of({"limit": given})
    assert load(Sample, {"limit": "100"}) == {"limit": 100}


@pytest.mark.parametrize("given", ["", "a b", "\u00e4", "a=", "x" * (LONGEST_CURSOR + 1)])
def test_a_cursor_of_other_letters_is_none(given: str) -> None:
    assert errors_of({"cursor": given}) == {"cursor": ["Not a cursor of this list: follow the Link header."]}
    assert load(Sample, {"cursor": "x" * LONGEST_CURSOR})
