"""An event in PostgreSQL: there with its change or not at all, published after it, in order, once stored."""

import json
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from sqlalchemy import text

from common import events, outbox
from common.broker import PublishFailed
from common.errors import Unavailable
from common.postgres import PostgresOutbox
from ops.engines import PostgreSQL
from services.users.models import OutboxRow, User
from services.users.service import UsersService
from tests.integration.conftest import Run
from tests.integration.databases import Heard, new_database
from tests.integration.running import Running, Wire, eventually, make_config


@pytest.fixture(scope="module")
def config(vhost_uri: str, postgresql: PostgreSQL) -> Iterator[dict[str, Any]]:
    for settings in new_database(postgresql):
        yield make_config(AMQP_URI=vhost_uri, POSTGRES=settings)


@pytest.fixture(scope="module")
def users(config: dict[str, Any], module_run: Run) -> Running:
    return module_run(UsersService, config)


@pytest.fixture
def heard(users: Running, wire: Wire) -> Heard:
    return Heard(wire, "users")


def waiting(users: Running, user_id: uuid.UUID) -> int:
    with users.provider("store").Session(close_on_exit=True) as session:
        return session.query(OutboxRow).filter_by(aggregate=str(user_id)).count()


def own_relay_waits(users: Running) -> Any:
    """Holds up the service's own relay."""
    return users.container.shared_extensions[outbox.Relay]._turn


def store_of(users: Running) -> Any:
    return users.inject("store", request_id="r-1").users


def add(users: Running) -> Any:
    return store_of(users).add(f"{uuid.uuid4().hex}@example.com", "Ada", "h")


def test_an_event_is_published_after_the_commit_and_then_removed(users: Running, heard: Heard) -> None:
    user = add(users)
    [(name, event)] = eventually(lambda: heard.events(user_id=str(user.id)))
    assert (name, event["request_id"]) == ("user_registered", "r-1")
    eventually(lambda: waiting(users, user.id) == 0)


def test_a_rollback_leaves_neither_change_nor_event(users: Running, heard: Heard) -> None:
    store, user = store_of(users), add(users)
    with pytest.raises(RuntimeError), store.transaction() as session:
        session.get(User, user.id).name = "Mallory"
        store.announce(session, user.id, events.USER_DELETED)
        session.flush()
        raise RuntimeError("the process is in doubt")
    assert store.get(str(user.id)).name == "Ada"
    eventually(lambda: heard.events(user_id=str(user.id)))
    eventlet.sleep(0.3)
    assert heard.names(user_id=str(user.id)) == ["user_registered"]


def test_nothing_is_published_before_the_commit(users: Running, heard: Heard) -> None:
    store, user = store_of(users), add(users)
    with store.transaction() as session:
        store.announce(session, user.id, events.USER_DELETED)
        session.flush()
        users.provider("store").relay.wake()
        eventlet.sleep(0.4)
        assert "user_deleted" not in heard.names(user_id=str(user.id))
    eventually(lambda: "user_deleted" in heard.names(user_id=str(user.id)))


def test_a_publish_that_fails_leaves_the_event_where_it_is(users: Running, heard: Heard) -> None:
    relay = users.provider("store").relay
    refused: list[int] = []

    def refuse(messages: Any, declare: Any = ()) -> None:
        refused.append(len(list(messages)))
        raise PublishFailed("the broker is away")

    relay.publisher.publish = refuse
    try:
        user = add(users)
        eventually(lambda: refused)
        assert waiting(users, user.id) == 1
        assert heard.events(user_id=str(user.id)) == []
    finally:
        del relay.publisher.publish
    eventually(lambda: heard.names(user_id=str(user.id)) == ["user_registered"])
    assert users.is_alive


def test_an_event_of_an_instance_that_died_is_published_by_another(users: Running, heard: Heard) -> None:
    store = store_of(users)
    store._wake = lambda: None
    user = store.add(f"{uuid.uuid4().hex}@example.com", "Ada", "h")
    eventually(lambda: heard.names(user_id=str(user.id)) == ["user_registered"], outbox.POLL_SECONDS + 3)


def test_two_relays_side_by_side_keep_each_users_order_and_lose_nothing(
    users: Running, run: Run, config: dict[str, Any], heard: Heard
) -> None:
    other = run(UsersService, config)
    made = [add(users) for _ in range(10)]

    def rename(user: Any) -> None:
        for number in range(10):
            instance = (users, other)[number % 2]
            store_of(instance).update(str(user.id), {"name": f"Ada {number}"})

    for _ in eventlet.GreenPool(10).imap(rename, made):
        pass
    for user in made:
        found = eventually(lambda user=user: len(all_ := heard.events(user_id=str(user.id))) >= 11 and all_)
        versions = [event["user_version"] for _, event in found]
        assert list(dict.fromkeys(versions)) == list(range(1, 12))


def test_two_relays_never_publish_one_row_at_the_same_time(users: Running) -> None:
    engine = users.provider("store").engine
    user = add(users)
    eventually(lambda: waiting(users, user.id) == 0)
    store = store_of(users)
    store._wake = lambda: None
    taken: list[str] = []

    def slowly(entries: Any) -> None:
        taken.extend(entry.event_id for entry in entries if entry.payload["user_id"] == str(user.id))
        eventlet.sleep(0.2)

    for name in ("A", "B"):
        store.update(str(user.id), {"name": name})
    first, second = (eventlet.spawn(PostgresOutbox(engine).drain, slowly) for _ in range(2))
    first.wait()
    second.wait()
    assert len(taken) == len(set(taken))
    eventually(lambda: waiting(users, user.id) == 0)


def test_all_events_of_one_user_are_published_in_one_transaction_and_in_their_order(users: Running) -> None:
    engine, aggregate, taken = users.provider("store").engine, str(uuid.uuid4()), list[str]()
    with own_relay_waits(users):
        with engine.begin() as connection:
            stored = [_store(connection, aggregate) for _ in range(300)]
        drained = PostgresOutbox(engine).drain(lambda found: taken.extend(one.event_id for one in found))
    assert (drained, taken) == (300, stored)
    assert waiting(users, uuid.UUID(aggregate)) == 0


def test_what_comes_after_a_row_that_another_relay_has_waits_for_it(users: Running) -> None:
    engine, mine, others = users.provider("store").engine, str(uuid.uuid4()), str(uuid.uuid4())
    with own_relay_waits(users):
        with engine.begin() as connection:
            first, second, free = (_store(connection, one) for one in (mine, mine, others))
        taken: list[str] = []

        def take(entries: Any) -> None:
            taken.extend(entry.event_id for entry in entries)

        with engine.connect() as holder:
            holder.execute(
                text("SELECT 1 FROM outbox WHERE payload->>'event_id' = :id FOR UPDATE"), {"id": first}
            )
            PostgresOutbox(engine).drain(take)
            assert taken == [free]
            holder.rollback()
        PostgresOutbox(engine).drain(take)
    assert taken == [free, first, second]


def _store(connection: Any, aggregate: str) -> str:
    payload = events.USER_DELETED.make("r", user_id=aggregate)
    connection.execute(
        text(
            "INSERT INTO outbox (aggregate, source, name, payload) VALUES (:a, 'users', 'user_deleted', :p)"
        ),
        {"a": aggregate, "p": json.dumps(payload)},
    )
    return str(payload["event_id"])


def test_a_database_that_is_away_is_unavailable_and_nothing_else() -> None:
    from common.postgres import make_engine

    nowhere = {"host": "127.0.0.1", "port": 1, "username": "u", "password": "sesame", "database": "d"}
    with pytest.raises(Unavailable) as caught:
        PostgresOutbox(make_engine(nowhere, "tests")).drain(lambda entries: None)
    assert "sesame" not in str(caught.value.args)


def test_a_message_carries_the_events_id_and_request(users: Running) -> None:
    payload = events.USER_DELETED.make("r-9", user_id="u-1")
    message = outbox.to_message(outbox.Entry("users", "user_deleted", payload))
    assert (message.exchange, message.routing_key) == ("users.events", "user_deleted")
    assert message.properties["message_id"] == payload["event_id"]
    assert message.headers == {"nameko.request_id": "r-9"}
    assert message.mandatory
    assert SimpleNamespace(**message.properties).content_type == "application/json"
