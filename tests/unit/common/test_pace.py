import pytest

from common import pace


@pytest.mark.parametrize("period", [0.25, 0.5, 1, 2, 5])
@pytest.mark.parametrize("late", [0.0, 0.01, 0.1, 0.9])
def test_who_comes_back_late_is_sent_to_the_next_moment_so_that_the_pace_stays(
    period: float, late: float
) -> None:
    moment = pace._FIRST + 1000 * period

    assert pace.until_next(period, moment + late * period) == pytest.approx(period - late * period)


@pytest.mark.parametrize("early", [0.0, 1e-9, 0.0005])
def test_who_has_slept_until_a_moment_is_not_sent_to_it_again(early: float) -> None:
    assert pace.until_next(0.5, pace._FIRST + 500 - early) == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("period", [0.25, 1, 5])
def test_nobody_waits_longer_than_a_period_or_not_at_all(period: float) -> None:
    waits = [pace.until_next(period, pace._FIRST + number * period / 97) for number in range(500)]

    assert min(waits) > 0.001
    assert max(waits) <= period + 0.001


@pytest.mark.parametrize("period", [0.5, 1, 2])
def test_a_long_period_ends_at_a_moment_that_is_one_of_the_shorter_ones(period: float) -> None:
    began = pace._FIRST + 1234.56
    end = began + pace.until_next(period, began)

    assert (end - pace._FIRST) / 0.25 == pytest.approx(round((end - pace._FIRST) / 0.25))
