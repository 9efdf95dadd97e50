"""When another attempt is made: the delay's bounds, and what deserves one."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common import errors
from common.failures import PermanentFailure, Postponed, TemporaryFailure
from common.retry import backoff, describe, is_permanent, slot

retries = st.integers(0, 200)
bases = st.floats(0.01, 60)
caps = st.floats(0.01, 3600)
draws = st.floats(0, 1, exclude_max=True)


@given(retries, bases, caps, draws)
def test_a_delay_is_within_a_quarter_of_the_doubled_base_or_the_cap(
    retry: int, base: float, cap: float, draw: float
) -> None:
    middle = min(cap, base * 2.0**retry)
    delay = backoff(retry, base, cap, lambda: draw)
    assert middle * 0.75 * 0.999999 <= delay <= middle * 1.25 * 1.000001


@given(bases, caps)
def test_the_middle_of_the_delays_never_shrinks(base: float, cap: float) -> None:
    middles = [backoff(retry, base, cap, lambda: 0.5) for retry in range(12)]
    assert middles == sorted(middles)
    assert middles[0] == pytest.approx(min(base, cap))


def test_the_delays_of_one_retry_differ() -> None:
    assert len({backoff(3, 1, 30) for _ in range(50)}) > 10


@given(retries, bases, caps, draws)
@example(0, 3.0, 2.78393367996091, 0.9999999999999998)
def test_a_slot_holds_its_delay_and_ends_at_the_upper_bound(
    retry: int, base: float, cap: float, draw: float
) -> None:
    middle = min(cap, base * 2.0 ** min(retry, 62)) * 1000
    drawn = round(backoff(retry, base, cap, lambda: draw) * 1000)
    held = slot(drawn, middle)
    assert held >= drawn
    width = max(1, math.ceil(middle * 0.5 / 16))
    assert held <= drawn + width + 1
    # Sixteen slots of whole milliseconds can reach past the bound by their rounding alone.
    assert held <= middle * 1.25 + 18


@given(retries, bases, caps)
def test_one_retry_needs_no_more_than_sixteen_delay_queues(retry: int, base: float, cap: float) -> None:
    middle = min(cap, base * 2.0 ** min(retry, 62)) * 1000
    held = {
        slot(round(backoff(retry, base, cap, lambda step=step: step / 200) * 1000), middle)  # type: ignore[misc]
        for step in range(200)
    }
    assert len(held) <= 16


@pytest.mark.parametrize(
    "refusal",
    [
        errors.BadRequest, errors.Unauthenticated, errors.Forbidden, errors.NotFound, errors.Conflict,
        errors.PreconditionFailed, errors.ValidationFailed, PermanentFailure,
    ],
)  # fmt: skip
def test_a_refusal_by_a_rule_is_permanent(refusal: type[Exception]) -> None:
    assert is_permanent(refusal("word", "A sentence."))


@pytest.mark.parametrize(
    "trouble",
    [
        errors.Unavailable("word", "A sentence."), errors.DeadlineExceeded("word", "A sentence."),
        errors.InternalError("word", "A sentence."), errors.TooManyRequests("word", "A sentence."),
        TemporaryFailure("word", "A sentence."), Postponed("word", "A sentence.", 5), ValueError("a bug"),
        KeyError("a bug"), OSError(111, "Connection refused"),
    ],
)  # fmt: skip
def test_what_may_pass_by_itself_is_tried_again(trouble: Exception) -> None:
    assert not is_permanent(trouble)


def test_a_failure_is_described_by_its_own_word() -> None:
    assert describe(PermanentFailure("bad_address", "no such mailbox")) == ("bad_address", "no such mailbox")
    assert describe(errors.NotFound("user_not_found", "There is no such user.")) == (
        "user_not_found",
        "There is no such user.",
    )


def test_an_unforeseen_error_is_described_by_its_class_and_cut() -> None:
    assert describe(KeyError("id")) == ("handler_error", "KeyError: 'id'")
    assert len(describe(ValueError("x" * 10_000))[1]) == 500
