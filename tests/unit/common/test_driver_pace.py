import pytest
from pymongo.periodic_executor import PeriodicExecutor

from common import mongo, pace


def test_the_periodic_work_of_mongodb_s_driver_waits_for_moments_at_which_the_process_is_awake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def at_once(period: float) -> float:
        asked.append(period)
        return 0.0

    monkeypatch.setattr(pace, "until_next", at_once)
    executor = PeriodicExecutor(
        interval=0.001, min_interval=0.5, target=lambda: not asked, name="driver of " + mongo.__name__
    )
    executor.open()
    executor.join(10)

    assert asked
    assert set(asked) == {0.5}
