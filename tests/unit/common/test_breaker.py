"""When a breaker opens, whom it lets through, and how it finds back."""

from common.breaker import CLOSED, HALF_OPEN, OPEN, Breaker


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(3, pause=1, longest=5, now=clock)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(3, pause=1, longest=5)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert (breaker.state, breaker.retry_after) == (CLOSED, 0)
    breaker.failed()
    assert breaker.state == OPEN


def test_while_it_is_open_nobody_passes_and_all_are_told_how_long() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 0.75
    assert not breaker.allows()
    assert breaker.retry_after == 0.25


def test_after_the_pause_one_tries_while_the_others_wait() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1
    assert [breaker.allows() for _ in range(5)] == [True, False, False, False, False]
    assert breaker.state == HALF_OPEN
    breaker.succeeded()
    assert breaker.state == CLOSED
    assert [breaker.allows() for _ in range(5)] == [True] * 5


def test_each_trial_that_fails_doubles_the_pause_up_to_the_longest() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(5):
        pauses.append(breaker.retry_after)
        clock.now += breaker.retry_after
        assert breaker.allows()
        breaker.failed()
    assert pauses == [1, 2, 4, 5, 5]
    clock.now += 5
    assert breaker.allows()
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    assert breaker.retry_after == 1


def test_failures_of_calls_that_began_before_it_opened_do_not_prolong_the_pause() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 0.5
    breaker.failed()
    assert breaker.retry_after == 0.5


def test_a_trial_that_nobody_reports_on_does_not_lock_it_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1
    assert breaker.allows()
    clock.now += 1
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.is_closed


def test_one_that_is_gone_for_certain_is_left_alone_at_once_and_longer_after_each_trial() -> None:
    clock = Clock()
    breaker = Breaker(3, pause=1, longest=5, now=clock)
    breaker.gone()
    assert (breaker.state, breaker.retry_after) == (OPEN, 1)
    clock.now += 1
    assert breaker.allows()
    breaker.gone()
    assert (breaker.state, breaker.retry_after) == (OPEN, 2)
