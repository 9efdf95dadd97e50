"""A handler takes no more of a backlog than its share of the workers; the others keep theirs."""

from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from eventlet.event import Event as Signal

from common import events, topology
from common.delivery import handles
from tests.integration.conftest import Run
from tests.integration.running import Wire, eventually, make_config

SLOW, QUICK = events.USER_DELETED, events.USER_UPDATED


class Sharer:
    """Takes its time with one event and none with the other."""

    name = "sharer"
    go_on = Signal()
    begun: list[str] = []
    quick: list[str] = []

    @handles(SLOW, share=0.25)
    def handle_user_deleted(self, event: dict[str, Any]) -> None:
        self.begun.append(event["event_id"])
        self.go_on.wait()

    @handles(QUICK)
    def handle_user_updated(self, event: dict[str, Any]) -> None:
        self.quick.append(event["event_id"])


@pytest.fixture
def sharer(vhost_uri: str, run: Run) -> Iterator[type[Sharer]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(events.SUBSCRIBERS, "sharer", (SLOW, QUICK))
        run(Sharer, make_config(AMQP_URI=vhost_uri, max_workers=8))
        yield Sharer


def test_a_backlog_of_one_event_leaves_workers_for_another(sharer: type[Sharer], wire: Wire) -> None:
    queue = topology.event_queue(SLOW, "sharer").name
    for _ in range(20):
        wire.send(SLOW.make("r", user_id="u"), SLOW.name, f"{SLOW.source}.events")
    eventually(lambda: len(sharer.begun) == 2)
    eventlet.sleep(0.5)
    assert (len(sharer.begun), wire.count(queue)) == (2, 18)
    about = {"user_id": "u", "email": "a@example.com", "name": "A", "user_version": 1, "changes": []}
    for _ in range(20):
        wire.send(QUICK.make("r", **about), QUICK.name, f"{QUICK.source}.events")
    eventually(lambda: len(sharer.quick) == 20)
    assert len(sharer.begun) == 2
    sharer.go_on.send()
    eventually(lambda: len(sharer.begun) == 20)
