"""Each alert fires while its thing is broken, and ends when it is mended: by `make drills` alone.

Its name keeps pytest from taking it for one of the tests of `make test`, for which it is too slow.
"""

from collections.abc import Iterator

import pytest

from tests.drills.drills import DRILLS, Drill
from tests.drills.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("drills"))
    try:
        assert made.ada.token and made.admin.token  # they can't log in while things are broken
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_the_alerts_fire_while_it_is_broken_and_end_when_it_is_mended(site: Site, drill: Drill) -> None:
    site.prometheus.wait_silent((*drill.proves, *drill.without), 120)
    with drill.broken(site):
        told = watched(site, drill)
    assert told == "", told
    took = site.prometheus.wait_silent(drill.proves, 120)
    print(f"  mended, and silent {took:.0f} s later")


def watched(site: Site, drill: Drill) -> str:
    """What is wrong with the alerts while it is broken: told later, since it is to be mended first."""
    try:
        fired = site.prometheus.wait_firing(drill.proves, 120)
    except AssertionError as problem:
        return str(problem)
    others = site.prometheus.alerts().keys() - set(drill.proves)
    print(f"\n{drill.name}: " + ", ".join(f"{name} after {took:.0f} s" for name, took in fired.items()))
    print(f"  by then also: {', '.join(sorted(others)) or 'nothing'}")
    wrong = sorted(set(drill.without) & others)
    return f"{wrong} fire as well" if wrong else ""
