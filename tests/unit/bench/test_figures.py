"""From samples to the figures that targets are about."""

import pytest

from bench import figures
from tests.unit.bench.runs import one_row, sample


def test_a_ratio_is_of_one_round_and_the_median_of_the_rounds_counts() -> None:
    suite, stock = [sample(300), sample(100), sample(900)], [sample(100), sample(50), sample(100)]
    assert figures.ratio(suite, stock, lambda one: one.per_second) == 3


def test_each_figure_of_a_row_is_the_median_by_itself() -> None:
    middle = figures.median([sample(1, p99_ms=30), sample(2, p99_ms=10), sample(3, p99_ms=20)])
    assert (middle.per_second, middle.p99_ms) == (2, 20)


def test_a_run_names_its_figures_by_row() -> None:
    samples = one_row("list32", [sample(400, own_cpu=0.5, broker_cpu=0.1)], [sample(100)])
    found = figures.of_run(samples, {})
    assert (found["list32.ratio"], found["list32.own_cpu_ratio"]) == (4, 0.5)
    assert found["list32.broker_cpu_ratio"] == pytest.approx(0.1)


def test_logins_are_held_to_what_bcrypt_alone_does() -> None:
    samples = one_row("mixed", [sample(300, logins_per_second=6.0)], [sample(100)])
    assert figures.of_run(samples, {"bcrypt_per_second": 10.0})["mixed.logins_share"] == pytest.approx(0.6)


def test_only_numbers_among_what_was_measured_beside_the_rows_are_figures() -> None:
    assert figures.of_run({}, {"mail_ms": 19.0, "memory": {"users": 90.0}}) == {"mail_ms": 19.0}
