"""Which lines are kept where there are too many."""

import pytest

from common.sampling import Sample

IDS = [f"request-{number}" for number in range(2000)]


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0), (0.1, 120, 280), (1, 2000, 2000)])
def test_about_the_share_is_kept(share: float, low: int, high: int) -> None:
    assert low <= sum(Sample(share).keeps(one, 0.01) for one in IDS) <= high


def test_a_request_is_kept_by_all_services_or_by_none() -> None:
    one, other = Sample(0.5), Sample(0.5)
    assert [one.keeps(each, 0.01) for each in IDS] == [other.keeps(each, 0.02) for each in IDS]


def test_what_was_slow_is_kept_and_so_is_what_has_no_id() -> None:
    assert Sample(0).keeps("r", 1.5)
    assert Sample(0).keeps(None, 0.01)
