"""What is kept of ended sessions, for how long, and when it is too old to let anybody in."""

import time

import pytest

from common import revocations
from common.errors import SuiteError, Unauthenticated, Unavailable
from common.revocations import BOUND_SECONDS, RevokedSessions


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The one moment in the list is what the clock shows."""
    shown = [1000.0]
    monkeypatch.setattr(revocations.time, "monotonic", lambda: shown[0])
    return shown


@pytest.fixture
def known(clock: list[float]) -> RevokedSessions:
    known = RevokedSessions(keep_seconds=60)
    known.complete(clock[0])
    return known


def outcome(known: RevokedSessions, session_id: str) -> type[SuiteError] | None:
    try:
        known.check(session_id)
    except SuiteError as refusal:
        return type(refusal)
    return None


def test_a_session_that_has_ended_is_refused_and_others_are_not(known: RevokedSessions) -> None:
    known.add(["a", "b"])
    assert [outcome(known, one) for one in "abc"] == [Unauthenticated, Unauthenticated, None]


def test_nobody_is_let_in_before_the_list_was_loaded(clock: list[float]) -> None:
    known = RevokedSessions(keep_seconds=60)
    known.add(["a"])
    known.confirm(clock[0])
    assert [outcome(known, one) for one in "ab"] == [Unauthenticated, Unavailable]
    known.complete(clock[0])
    assert [outcome(known, one) for one in "ab"] == [Unauthenticated, None]


def test_what_is_known_is_relied_on_up_to_the_bound(known: RevokedSessions, clock: list[float]) -> None:
    clock[0] += BOUND_SECONDS
    assert outcome(known, "x") is None
    clock[0] += 0.1
    assert outcome(known, "x") is Unavailable
    known.confirm(clock[0] - BOUND_SECONDS)
    assert outcome(known, "x") is None


def test_an_old_confirmation_takes_nothing_back(known: RevokedSessions, clock: list[float]) -> None:
    known.confirm(clock[0] - 500)
    assert known.is_current


def test_after_a_loss_the_list_has_to_come_again_within_the_bound(
    known: RevokedSessions, clock: list[float]
) -> None:
    known.add(["a"])
    known.lose()
    assert [outcome(known, one) for one in "ab"] == [Unauthenticated, None]
    clock[0] += BOUND_SECONDS + 1
    known.confirm(clock[0])
    assert outcome(known, "b") is Unavailable
    known.complete(clock[0])
    assert [outcome(known, one) for one in "ab"] == [Unauthenticated, None]


def test_an_ended_session_is_forgotten_when_its_access_tokens_have_expired(
    known: RevokedSessions, clock: list[float]
) -> None:
    known.add(["a", "b"])
    clock[0] += 40
    known.add(["c", "a"])  # heard of twice: the later time counts
    clock[0] += 40
    known.add([])
    known.confirm(clock[0])
    assert [outcome(known, one) for one in "abc"] == [Unauthenticated, None, Unauthenticated]
    clock[0] += 21
    known.add(["d"])
    assert len(known) == 1


def test_a_million_ended_sessions_cost_no_time() -> None:
    known = RevokedSessions(keep_seconds=60)
    known.complete(time.monotonic())
    known.add(str(number) for number in range(1_000_000))
    started = time.perf_counter()
    for number in range(1000):
        known.add([f"new-{number}"])
        assert outcome(known, "x") is None
    assert time.perf_counter() - started < 0.5


def test_what_has_to_be_remembered_for_longer_is_and_holds_up_nothing_else(
    known: RevokedSessions, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations.time, "time", lambda: clock[0] + 5000)
    known.add(["token", "session"], {"token": clock[0] + 5000 + 600})
    for seconds, ids, kept in ((59, "x", 3), (2, "y", 3), (538, "z", 2), (2, "u", 2)):
        clock[0] += seconds
        known.add([ids])
        known.complete(clock[0])
        assert len(known) == kept + (ids == "u"), ids
    assert outcome(known, "session") is None
    known.add(["other"], {"other": clock[0] + 5000 + 600})
    assert [outcome(known, one) for one in ("token", "other")] == [None, Unauthenticated]
