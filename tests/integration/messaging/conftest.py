"""Running messaging and notification services, and facts that reach them."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from common import clock, events, topology
from common.events import Event
from services.messaging.dead_letters import DeadLetters
from services.messaging.service import MessagingService
from services.messaging.storage import Ledger, MessagingStorage
from services.notifications.storage import DeliveryStorage
from tests.integration.conftest import Run
from tests.integration.running import Running, Somebody, Wire, make_config

QUEUE = topology.event_queue(events.NOTIFICATION_REQUESTED, "notifications").name


@pytest.fixture(autouse=True, scope="module")
def own_databases() -> Iterator[None]:
    """What waits must not be handed out by the suite that runs for the end-to-end tests."""
    with pytest.MonkeyPatch.context() as patch:
        for storage in (MessagingStorage, DeliveryStorage):
            patch.setattr(storage, "database", f"{storage.database}_{uuid.uuid4().hex[:8]}")
        yield


@pytest.fixture(scope="module")
def config(vhost_uri: str, mongo_uri: str) -> dict[str, Any]:
    return make_config(AMQP_URI=vhost_uri, MONGODB_URI=mongo_uri)


@pytest.fixture(scope="module")
def messaging(config: dict[str, Any], module_run: Run) -> Running:
    return module_run(MessagingService, config)


@pytest.fixture
def ledger(messaging: Running) -> Ledger:
    found: Ledger = messaging.inject("ledger", request_id="r-1")
    return found


@pytest.fixture
def admin(config: dict[str, Any], messaging: Running) -> Iterator[Any]:
    somebody = Somebody(config, role="admin")
    yield somebody.call.messaging
    somebody.stop()


class Announcer:
    """Announces facts as the services do."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def __call__(self, kind: Event, **fields: Any) -> dict[str, Any]:
        """A new fact."""
        return self.again(kind, kind.make("r-1", **fields))

    def again(self, kind: Event, event: dict[str, Any]) -> dict[str, Any]:
        """A fact that was announced before."""
        self.wire.send(event, kind.name, f"{kind.source}.events", message_id=event["event_id"])
        return event


@pytest.fixture
def announce(messaging: Running, wire: Wire) -> Announcer:
    return Announcer(wire)


@pytest.fixture
def letters(ledger: Ledger, wire: Wire) -> DeadLetters:
    """No dead letter, and none on its way back to its queue."""
    found = ledger.dead_letters
    found._letters.delete_many({})
    wire.purge(QUEUE)
    return found


def dead(letters: DeadLetters, queue: str = QUEUE, missing: int = 0) -> str:
    """The id of a new letter that failed in this queue; ``missing`` bytes of it were not kept."""
    one = str(uuid.uuid4())
    body = json.dumps({"message_id": one}).encode()
    letter = {"_id": one, "queue": queue, "reason": "x", "detail": "", "attempts": 1, "first_failed_at": ""}
    sent = {"headers": {}, "properties": {}, "body": body, "bytes": len(body) + missing, "message_id": one}
    letters.keep({**letter, **sent, "died_at": clock.now()})
    return one
