"""A backlog drains as fast as the mail server takes it, and costs no memory."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.notifications.mailer import MAX_CONNECTIONS
from tests.chaos.test_exactly_once import World, settle
from tests.e2e.client import new_email

LONG = os.environ.get("CHAOS") == "long"
MESSAGES, SMTP_SECONDS = (10_000, 0.1) if LONG else (400, 0.25)
"""How many, and how long the mail server thinks about each; a connection carries one at a time."""
MOST_TIMES = 2 if LONG else 6  # the short form runs beside other tests


@pytest.fixture
def world(tmp_path: Path, make_world: Callable[..., World]) -> Iterator[World]:
    made = make_world(tmp_path, LOG_LEVEL="WARNING")
    yield made
    made.end()


def memory(world: World, service: str) -> int:
    """Resident memory of a process, in KiB."""
    status = Path(f"/proc/{world.suite.processes[service].pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_a_backlog_drains_at_the_speed_of_smtp_with_flat_memory(world: World) -> None:
    world.suite.signal("notifications")
    recipient = new_email()
    body = {
        "template": "todo_created", "recipient": recipient,
        "context": {"name": "Ada", "todos": [{"title": "Buy milk"}]},
    }  # fmt: skip
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: world.admin.post("/api/messages", body).status_code, range(MESSAGES))
        assert set(answers) == {202}
    world.mails.faults(delay_seconds=SMTP_SECONDS)
    world.suite.restart("notifications")

    def sent() -> int:
        # The ledger is asked, since the mail catcher has enough to do.
        time.sleep(0.5)
        answer = world.admin.get(f"/api/messages?status=sent&recipient={recipient}&count=true&limit=1")
        return int(answer.headers["X-Total-Count"])

    settle(lambda: sent() >= MESSAGES // 10, 60)
    began, first = time.monotonic(), sent()
    before = {service: memory(world, service) for service in ("notifications", "messaging")}
    fastest = (MESSAGES - first) * SMTP_SECONDS / MAX_CONNECTIONS
    settle(lambda: sent() >= MESSAGES, fastest * 4 + 30)
    seconds = time.monotonic() - began
    after = {service: memory(world, service) for service in before}
    print(f"{MESSAGES} messages: {seconds:.1f} s, SMTP alone {fastest:.1f} s; KiB {before} -> {after}")

    assert len(world.mails.attempts(recipient)) == MESSAGES
    assert seconds < fastest * MOST_TIMES
    assert all(after[service] < before[service] * 1.1 for service in before)
