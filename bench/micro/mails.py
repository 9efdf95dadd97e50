"""How long a mail takes from the write that asks for it to the mail server, while nothing else is done."""

import statistics
import time
from datetime import datetime
from typing import Any

from bench import people
from bench.setting import Setting

MAILS = 100
PAUSE_SECONDS = 0.1
"""Between two: longer than a mail takes, so that each finds the suite idle."""
GATHER_SECONDS = 10.0


def measure(setting: Setting) -> dict[str, Any]:
    """The median and the 99th percentile, in milliseconds.

    From ``created_at``, which is just before the write, until the mail catcher has the mail.
    """
    url, catcher = setting.suite.url, setting.engines.mailcatcher
    email = people.register(url)
    token = people.login(url, email)
    written = {}
    for number in range(MAILS):
        todo = people.create_todo(url, token, title=f"Todo {number} of {MAILS}")
        written[f"New todo: {todo['title']}"] = _moment(todo["created_at"])
        time.sleep(PAUSE_SECONDS)
    caught = _wait_for(catcher, email, set(written))
    taken = [(_moment(mail["received_at"]) - written[mail["subject"]]) * 1000 for mail in caught]
    return {"mail_ms": statistics.median(taken), "mail_p99_ms": statistics.quantiles(taken, n=100)[98]}


def _wait_for(catcher: Any, email: str, subjects: set[str]) -> list[dict[str, Any]]:
    end = time.monotonic() + GATHER_SECONDS
    while time.monotonic() < end:
        caught = [mail for mail in catcher.mails(to=email) if mail["subject"] in subjects]
        if len(caught) == len(subjects):
            return caught
        time.sleep(0.2)
    raise TimeoutError(f"{len(caught)} of {len(subjects)} mails have come")


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
