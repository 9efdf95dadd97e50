"""How long wrong passwords make who has given them wait."""

from datetime import UTC, datetime, timedelta

import pytest

from common.errors import TooManyRequests
from services.users.domain import check_login_wait, login_wait

NOW = datetime(2026, 11, 22, 13, 45, tzinfo=UTC)


def test_the_free_ones_cost_nothing_and_each_one_after_doubles_the_wait() -> None:
    seconds = [wait.total_seconds() if (wait := login_wait(number, 5)) else 0 for number in range(1, 17)]
    assert seconds == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_however_many_there_were_the_wait_is_no_longer_than_a_quarter_of_an_hour() -> None:
    assert login_wait(10**9, 5) == timedelta(minutes=15)


def test_the_longest_of_several_waits_holds_and_is_told_in_whole_seconds() -> None:
    waits = [None, NOW + timedelta(seconds=1.2), NOW - timedelta(hours=1)]
    with pytest.raises(TooManyRequests) as caught:
        check_login_wait(waits, NOW)
    assert caught.value.details == {"retry_after": "2"}


def test_no_wait_or_one_that_is_over_holds_nobody() -> None:
    check_login_wait([], NOW)
    check_login_wait([None, NOW, NOW - timedelta(hours=1)], NOW)
