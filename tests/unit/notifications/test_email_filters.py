"""How moments, devices and field names read."""

import pytest

from services.notifications.filters import device, label, moment, paragraphs

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1 Safari/604.1"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-11-22T13:45:00Z", "22 Nov 2026, 13:45 UTC"),
        ("2026-01-02T03:04:05.678901Z", "2 Jan 2026, 03:04 UTC"),
        ("2026-11-22T01:30:00+02:00", "21 Nov 2026, 23:30 UTC"),
        ("2026-11-22T13:45:00", "22 Nov 2026, 13:45 UTC"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("tomorrow", "tomorrow"),
        ("", ""),
    ],
)
def test_a_moment_reads_in_utc_and_what_is_no_time_stays(given: str, shown: str) -> None:
    assert moment(given) == shown


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        (CHROME, "Chrome on Windows"),
        (CHROME + " Edg/126.0.0.0", "Edge on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("curl/8.1.2", "curl/8.1.2"),
        ("", ""),
    ],
)
def test_a_browser_reads_as_its_name_and_system_and_others_as_they_are(user_agent: str, shown: str) -> None:
    assert device(user_agent) == shown


def test_a_word_of_the_api_reads_as_words() -> None:
    assert (label("in_progress"), label("HIGH"), label("")) == ("In progress", "HIGH", "")


def test_paragraphs_are_parted_by_empty_lines() -> None:
    assert paragraphs("a\nb\n \n\nc\n") == [["a", "b"], ["c"]]
