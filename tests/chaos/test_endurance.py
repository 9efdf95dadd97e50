"""All kinds of calls for ten minutes at full speed: none fails, and no process grows.

With all tests it runs for half a minute, in which a process is still finding its size; the long form
(``make chaos``) holds the bound of five per cent between the second minute and the last.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import eventlet
import pytest

from bench.cpu import resident_mib
from ops.engines import MongoDB, PostgreSQL
from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import Client
from tests.suite import Suite, running, settings_for

LONG = os.environ.get("CHAOS") == "long"
SECONDS, SETTLED = (600, 120) if LONG else (24, 12)
GROWTH = 1.05 if LONG else 1.2
CLIENTS = 12


@dataclass
class Everyday:
    """Somebody who does all that a client can do, again and again."""

    client: Client
    statuses: Counter[str] = field(default_factory=Counter)

    def live(self, until: float) -> None:
        turn = 0
        while time.monotonic() < until:
            self.one_round(turn)
            turn += 1

    def one_round(self, turn: int) -> None:
        todo = self._ask("POST", "/api/todos", json={"title": f"Number {turn}", "tags": ["daily"]}).json()
        path = f"/api/todos/{todo['id']}"
        for query in ("", "?tag=daily&limit=5&count=true", "?q=number&sort=-updated_at", "?status=completed"):
            self._ask("GET", f"/api/todos{query}")
        self._ask("GET", path)
        self._ask("PATCH", path, json={"completed": True})
        self._ask("GET", "/api/todos/stats")
        self._ask("GET", "/api/users/me")
        self._ask("DELETE", path)
        if turn % 20 == 0:
            ops = [{"op": "create", "data": {"title": "x"}}] * 5
            self._ask("POST", "/api/todos/bulk", json={"ops": ops})
            self._ask("DELETE", "/api/todos")
            self.client.login()

    def _ask(self, method: str, path: str, **options: object) -> object:
        answer = self.client.call(method, path, **options)
        self.statuses[f"{method} {answer.status_code}"] += 1
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


@pytest.fixture
def suite(
    amqp_uri: str, postgresql: PostgreSQL, mongodb: MongoDB, mailcatcher: MailCatcher, tmp_path: Path
) -> Iterator[Suite]:
    settings = settings_for(amqp_uri, postgresql, mongodb, mailcatcher)
    with running(tmp_path, settings | {"RATE_LIMIT_ENABLED": "false"}) as suite:
        yield suite


def test_under_all_kinds_of_load_nothing_fails_and_nothing_grows(suite: Suite) -> None:
    people = [Everyday(Client(suite.url).register().login()) for _ in range(CLIENTS)]
    began = time.monotonic()
    living = [eventlet.spawn(one.live, began + SECONDS) for one in people]
    eventlet.sleep(SETTLED)
    settled = sizes(suite)
    for one in living:
        one.wait()
    grown = {name: size / settled[name] for name, size in sizes(suite).items()}

    statuses = sum((one.statuses for one in people), Counter())
    print(f"{dict(statuses)}; MiB when settled {settled}, then times {grown}")
    assert statuses["POST 201"] > SECONDS
    assert {name: times for name, times in grown.items() if times > GROWTH} == {}


def sizes(suite: Suite) -> dict[str, float]:
    """The resident memory of each process, in MiB."""
    return {name: round(resident_mib(process.pid), 1) for name, process in suite.processes.items()}
