"""Times as texts, and durations as operators write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock

AMOUNTS = [
    ("3600", 3600),
    ("15m", 900),
    ("24h", 86400),
    ("30d", 30 * 86400),
    ("2w", 14 * 86400),
    (" 45s ", 45),
    (1, 1),
]


@pytest.mark.parametrize(("text", "seconds"), AMOUNTS)
def test_a_duration_is_a_number_and_a_unit(text: str | int, seconds: int) -> None:
    assert clock.parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0h",
        "-5",
        "1.5h",
        "h",
        "24 h",
        "24H",
        "1h30m",
        "1e3",
        "٣h",
        "9999999999w",
        "999999999w",
        "100w1",
        None,
        True,
    ],
)
def test_anything_else_is_refused_with_examples(text: object) -> None:
    with pytest.raises(ValueError, match="write 3600, 15m, 24h or 30d"):
        clock.parse_duration(text)


@given(st.text(max_size=15))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        assert timedelta(0) < clock.parse_duration(text) <= timedelta(days=36_500)
    except ValueError:
        pass


def test_now_is_what_mongodb_keeps_and_text_tells() -> None:
    now = clock.now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert datetime.fromisoformat(clock.to_text(now)) == now


def test_a_time_is_shown_in_utc_with_milliseconds_and_a_z() -> None:
    east = timezone(timedelta(hours=2))
    assert clock.to_text(datetime(2026, 11, 22, 15, 45, tzinfo=east)) == "2026-11-22T13:45:00.000Z"
    assert clock.to_text(datetime(2026, 11, 22, 13, 45, 0, 999_999)) == "2026-11-22T13:45:00.999Z"
    assert clock.to_text(None) is None
    assert clock.from_unix(0) == "1970-01-01T00:00:00.000Z"
