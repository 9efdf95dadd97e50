"""What of the broker's messages a backup keeps, and where a restore puts them.

The backup has the rights of a backup alone, and the events lie in queues of either type.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from common import events, topology
from ops.backup.definitions import Management
from ops.backup.messages import publish
from ops.backup.under_way import UnderWay, _peek
from ops.engines import RabbitMQ
from ops.rights import BACKUP
from tests.integration.ops.broker_users import add_user
from tests.integration.running import Wire, eventually, make_config

DELETED = topology.event_queue(events.USER_DELETED, "todos").name
ELSEWHERE = topology.event_queue(events.USER_DELETED, "messaging").name
CREATED = topology.event_queue(events.TODO_CREATED, "messaging").name
MAILS = topology.event_queue(events.NOTIFICATION_REQUESTED, "notifications").name
DELAY = topology.delay_queue(60_000)
QUEUES = (DELETED, ELSEWHERE, CREATED, MAILS, DELAY.name, topology.DEAD_LETTERS)


@pytest.fixture(params=["classic", "quorum"])
def config(request: pytest.FixtureRequest, amqp_uri: str) -> dict[str, Any]:
    return make_config(AMQP_URI=amqp_uri, EVENT_QUEUE_TYPE=request.param)


@pytest.fixture
def wire(amqp_uri: str) -> Iterator[Wire]:
    wire = Wire(amqp_uri)
    yield wire
    wire.close()


@pytest.fixture
def send(wire: Wire, config: dict[str, Any]) -> Any:
    topology.declare(config)
    DELAY(wire.channel).declare()
    wire.purge(*QUEUES)
    own = wire.channel.queue_declare("", exclusive=True).queue

    def send(name: str, routing_key: str, exchange: str = "", **more: Any) -> None:
        wire.send({"name": name}, routing_key, exchange, message_id=name, **more)
        wire.count(own)  # which the broker answers when it has dealt with the message

    return send


@pytest.fixture
def under_way(config: dict[str, Any], rabbitmq: RabbitMQ) -> UnderWay:
    own = config | {"AMQP_URI": add_user(rabbitmq, config["AMQP_URI"], BACKUP)}
    return UnderWay(own, Management(own, rabbitmq.management_url))


def names_in(path: Path) -> list[str]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [json.loads(base64.b64decode(line["body"]))["name"] for line in lines]


def test_what_stands_moves_or_is_published_is_kept_until_its_database_is_read(
    under_way: UnderWay, send: Any, wire: Wire, config: dict[str, Any], tmp_path: Path
) -> None:
    failed = {"delay-ms": 60_000, "suite-attempts": 2}
    send("standing", DELETED)
    send("delayed", DELETED, "delays", headers=failed)
    send("delayed mail", MAILS, "delays", headers=failed)
    send("standing mail", MAILS)
    send("dead before", MAILS, "dead-letters", headers={"dead-letter-reason": "smtp_refused"})
    with under_way.kept(tmp_path / "events", 0) as copies:
        send("published", "user_deleted", "users.events")
        send("moved", DELETED, "delays", headers=failed)
        send("moved mail", MAILS, "delays", headers=failed)
        send("dead meanwhile", DELETED, "dead-letters")
        copies.needed_from_now_on("users")
        send("in the outbox", "todo_created", "todos.events")
        send("published still", "user_deleted", "users.events")
        copies.needed_from_now_on()
        send("too late", "user_deleted", "users.events")
    assert names_in(tmp_path / "events") == [
        "delayed", "standing", "dead before", "published", "moved", "dead meanwhile", "published still"
    ]  # fmt: skip
    assert (copies.standing, copies.published) == (3, 4)
    # What stood, and what was published, is still there.
    eventually(lambda: (wire.count(DELETED), wire.count("dead-letters")) == (1 + 3, 2))

    wire.purge(*QUEUES)
    assert publish(config, tmp_path / "events", skip=set()) == 7
    found = [wire.take(DELETED) for _ in range(5)]
    assert sorted(one.message_id for one in found) == sorted(
        ["delayed", "standing", "published", "moved", "published still"]
    )
    assert all("suite-attempts" not in one.headers for one in found)
    eventually(lambda: wire.count(ELSEWHERE) == 2)
    letter = wire.take("dead-letters")
    assert (letter.headers["dead-letter-reason"], letter.delivery_info["routing_key"]) == (
        "smtp_refused",
        MAILS,
    )
    eventually(lambda: wire.count("dead-letters") == 1)


def test_a_queue_that_has_gone_away_meanwhile_is_passed_over(wire: Wire) -> None:
    with Connection(wire.uri) as connection:
        assert list(_peek(connection, "delay-123456ms")) == []
        assert list(_peek(connection, "delay-123457ms")) == []


def test_a_dead_letter_of_a_mail_that_is_asked_for_again_is_left_out(
    under_way: UnderWay, send: Any, wire: Wire, config: dict[str, Any], tmp_path: Path
) -> None:
    wire.send({"message_id": "m-1"}, MAILS, "dead-letters")
    wire.send({"message_id": "m-2"}, MAILS, "dead-letters")
    wire.send(b"no json", MAILS, "dead-letters")
    eventually(lambda: wire.count("dead-letters") == 3)
    with under_way.kept(tmp_path / "events", 0) as copies:
        copies.needed_from_now_on()
    wire.purge("dead-letters")
    assert publish(config, tmp_path / "events", skip={"m-1"}) == 2
    assert json.loads(wire.take("dead-letters").body) == {"message_id": "m-2"}
    assert wire.take("dead-letters").body in (b"no json", "no json")
