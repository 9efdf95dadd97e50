"""The picture in docs/architecture.md is the running system's: made from the spans of what clients do."""

import uuid
from collections.abc import Callable
from contextlib import suppress

from common import events
from tests.collector import Collector
from tests.e2e.client import PASSWORD, Client, new_email
from tests.picture import CONSUMER, SERVER, Edge, draw, edges
from tests.suite import ROOT

PAGE = ROOT / "docs" / "architecture.md"
FOR_MANY: Edge = ("messaging", SERVER, "users")
"""Contacts are asked for once for a batch of events, in none of their traces: not always seen in this one."""


def test_the_architecture_s_picture_is_drawn_from_the_running_system(
    anyone: Client, admin: Client, collector: Collector, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    trace = uuid.uuid4().hex
    header = {"traceparent": f"00-{trace}-{uuid.uuid4().hex[:16]}-01"}
    email = new_email()
    anyone.post("/api/auth/register", {"email": email, "password": PASSWORD, "name": "Ada"}, headers=header)
    ada = anyone.login(email)
    ada.post("/api/todos", {"title": "Draw me"}, headers=header)
    ada.get("/api/todos", headers=header)
    ada.get("/api/auth/sessions", headers=header)
    admin.get("/api/messages", headers=header)
    admin.get("/api/messages/templates/welcome/preview", headers=header)

    def seen() -> set[Edge]:
        return edges(collector.of(trace)) | {FOR_MANY}

    # Before the account ends, as nobody is written to whose account has ended.
    eventually(lambda: any(one.name == "smtp send" for one in collector.of(trace)))
    ada.delete("/api/users/me", headers=header)
    heard = {(one.source, CONSUMER, who) for who, known in events.SUBSCRIBERS.items() for one in known}
    with suppress(AssertionError):  # the last line shows what differs
        eventually(lambda: heard <= seen() and draw(seen()) in PAGE.read_text())
    assert heard <= seen()
    drawn = PAGE.read_text().split("```mermaid")[1].splitlines()
    assert draw(seen()).splitlines()[1:-1] == drawn[1 : drawn.index("```")]
