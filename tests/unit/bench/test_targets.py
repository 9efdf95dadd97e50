"""What must be reached, and how it is said whether it is."""

import pytest

from bench import targets


@pytest.mark.parametrize(
    ("figure", "value", "verdict"),
    [
        ("list32.ratio", 3.2, "reached: 3.20 times stock"),
        ("list32.ratio", 1.05, "not reached: 1.05 times stock"),
        ("list32.own_cpu_ratio", 0.38, "reached: 0.38 times stock"),
        ("list32.own_cpu_ratio", 0.5, "not reached: 0.50 times stock"),
        ("events_per_second", 584.4, "not reached: 584/s"),
        ("mail_ms", 19.04, "reached: 19.0 ms"),
    ],
)
def test_a_figure_is_held_to_its_bound(figure: str, value: float, verdict: str) -> None:
    assert [said for _, _, said in targets.verdicts({figure: value})] == [verdict]


def test_what_was_not_measured_has_no_verdict() -> None:
    assert targets.verdicts({}) == []


def test_a_bound_is_written_with_its_direction() -> None:
    found = targets.verdicts({"mixed.ratio": 1.0, "mixed.p99_ms": 1.0})
    assert [wanted for _, wanted, _ in found] == ["≥ 3.3 times stock", "≤ 30 ms"]
