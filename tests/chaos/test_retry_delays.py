"""The pauses between attempts, by the mail server's own clock."""

import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import eventlet
import pytest

from tests.chaos.test_exactly_once import World, settle
from tests.e2e.client import new_email

MESSAGES = 200
BASE, ATTEMPTS = 1.0, 4
A_SECOND = 20
LATEST = 10.0
"""Seconds that a message may need from the end of its pause to a mail server on a busy machine."""


@pytest.fixture
def world(tmp_path: Path, make_world: Callable[..., World]) -> Iterator[World]:
    made = make_world(tmp_path, RETRY_BASE_SECONDS=str(BASE), RETRY_MAX_ATTEMPTS=str(ATTEMPTS))
    yield made
    made.end()


def test_the_pauses_lie_in_the_bounds_of_the_formula_and_are_spread(world: World) -> None:
    recipients = [new_email() for _ in range(MESSAGES)]
    world.mails.faults(temporary_recipients=recipients)
    for recipient in recipients:
        context = {"title": "Again and again", "message": "."}
        body = {"template": "system_alert", "recipient": recipient, "context": context}
        assert world.admin.post("/api/messages", body).status_code == 202
        eventlet.sleep(1 / A_SECOND)
    settle(lambda: all(len(_moments(world, one)) == ATTEMPTS for one in recipients[::20]), 60)
    settle(lambda: all(len(_moments(world, one)) == ATTEMPTS for one in recipients), 60)
    moments = [_moments(world, recipient) for recipient in recipients]

    drawn = _drawn(world)

    assert {len(one) for one in moments} == {ATTEMPTS}
    for retry in range(ATTEMPTS - 1):
        middle = BASE * 2**retry
        pauses = [one[retry + 1] - one[retry] for one in moments]
        assert min(pauses) >= 0.75 * middle
        assert max(pauses) <= 1.25 * middle + LATEST
        assert len({round(pause, 3) for pause in pauses}) > MESSAGES / 3
        assert len(drawn[retry]) == MESSAGES
        assert 0.75 * middle <= min(drawn[retry]) < 0.78 * middle
        assert 1.22 * middle < max(drawn[retry]) <= 1.25 * middle
        assert statistics.median(drawn[retry]) == pytest.approx(middle, rel=0.08)


def _drawn(world: World) -> dict[int, list[float]]:
    """The pauses that were drawn before each retry, by the log."""
    found: dict[int, list[float]] = defaultdict(list)
    for line in world.suite.log_file("notifications").read_text().splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("event") == "message_retried":
            found[told["attempt"] - 1].append(told["in_seconds"])
    return found


def _moments(world: World, recipient: str) -> list[float]:
    found = world.mails.attempts(to=recipient)
    return sorted(datetime.fromisoformat(attempt["at"]).timestamp() for attempt in found)
