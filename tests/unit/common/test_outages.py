"""What is down when a process starts is told of when it does not come up, and what goes later at once."""

from common.outages import STARTING_SECONDS, Outages


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_what_has_not_been_up_yet_is_not_told_of_during_the_start() -> None:
    clock = Clock()
    outages = Outages(clock)
    assert outages.among({"revocations", "mongodb"}, set()) == set()
    clock.seconds += STARTING_SECONDS - 0.1
    assert outages.among({"revocations"}, {"mongodb"}) == set()


def test_what_does_not_come_up_is_told_of_when_the_start_is_over() -> None:
    clock = Clock()
    outages = Outages(clock)
    outages.among({"revocations"}, {"mongodb"})
    clock.seconds += STARTING_SECONDS
    assert outages.among({"revocations"}, {"mongodb"}) == {"revocations"}


def test_what_was_up_and_goes_is_told_of_at_once_even_during_the_start() -> None:
    outages = Outages(Clock())
    outages.among({"revocations"}, {"mongodb"})
    assert outages.among({"revocations", "mongodb"}, set()) == {"mongodb"}
    assert outages.among({"revocations"}, {"mongodb"}) == set()
    assert outages.among({"mongodb"}, {"revocations"}) == {"mongodb"}
