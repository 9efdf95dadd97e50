"""Registrations with an idempotency key: one account, and the first answer again for a day."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import eventlet
import pytest

from common import clock
from common.errors import Conflict, ValidationFailed
from common.idempotency import Key, read_key
from services.users import registrations
from tests.integration.databases import Heard
from tests.integration.running import Running, eventually
from tests.integration.users.conftest import People
from tests.integration.users.test_users import outcomes

Sql = Callable[..., list[Any]]


def new_call(**changes: Any) -> dict[str, Any]:
    """What auth hands over, with a key."""
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    data = {"email": email, "name": "Ada", "password_hash": "$2b$x"}
    return {"data": data, **_arguments(key_of(data, str(uuid.uuid4()))), **changes}


def key_of(body: Any, given: str) -> Key:
    found = read_key(given, "register", body, "secret")
    assert found
    return found


def _arguments(key: Key) -> dict[str, str]:
    return {"idempotency_key": key.digest, "fingerprint": key.fingerprint}


def test_a_repeated_registration_has_the_first_answer(people: People, heard: Heard, sql: Sql) -> None:
    call = new_call()
    first = people.service.create(**call)
    other_salt = {**call["data"], "password_hash": "$2b$y"}
    assert people.service.create(**{**call, "data": other_salt}) == first
    people.somebody(user_id=first["id"]).update(user_id=first["id"], changes={"name": "Ada Lovelace"})
    assert people.service.create(**call) == first
    assert sql("SELECT count(*), min(password_hash) FROM users WHERE id = %s", first["id"]) == [(1, "$2b$x")]
    eventually(lambda: "user_registered" in [name for name, _ in heard.events(user_id=first["id"])])
    names = [name for name, _ in heard.events(user_id=first["id"])]
    assert names.count("user_registered") == 1


def test_the_first_answer_comes_again_after_the_account_is_gone(people: People, sql: Sql) -> None:
    call = new_call()
    first = people.service.create(**call)
    people.somebody(user_id=first["id"]).delete(user_id=first["id"])
    assert people.service.create(**call) == first
    assert sql("SELECT count(*) FROM users WHERE id = %s", first["id"]) == [(0,)]


def test_the_key_of_another_registration_is_refused(people: People) -> None:
    call, other = new_call(), new_call()
    people.service.create(**call)
    with pytest.raises(ValidationFailed, match="idempotency_key_reused"):
        people.service.create(**{**other, "idempotency_key": call["idempotency_key"]})
    assert people.service.credentials(email=other["data"]["email"]) is None


def test_a_taken_address_does_not_use_the_key(people: People, sql: Sql) -> None:
    taken, call = new_call(), new_call()
    people.service.create(**taken)
    clash = {**call, "data": taken["data"]}
    for _ in range(2):
        with pytest.raises(Conflict, match="email_taken"):
            people.service.create(**clash)
    assert sql("SELECT 1 FROM registrations WHERE key_digest = %s", call["idempotency_key"]) == []
    assert people.service.create(**call)["email"] == call["data"]["email"]


def test_of_many_at_once_one_account_is_made(users: Running, sql: Sql) -> None:
    store = users.inject("store").users
    for _ in range(10):
        call = new_call()
        key = Key(call["idempotency_key"], call["fingerprint"])
        found = outcomes(*[lambda: store.add(**call["data"], idempotency_key=key)] * 8)  # noqa: B023
        made = [one for one in found if one is not Conflict]
        assert len({one.id for one in made}) == 1, found
        assert sql("SELECT count(*) FROM users WHERE email = %s", call["data"]["email"]) == [(1,)]


def test_while_the_first_call_is_under_way_the_second_is_told_so(people: People, users: Running) -> None:
    call, store = new_call(), users.inject("store").users
    held, over = eventlet.Event(), eventlet.Event()

    def hold() -> None:
        with store.transaction() as session:
            registrations.known(session, Key(call["idempotency_key"], call["fingerprint"]))
            held.send()
            over.wait()

    first = eventlet.spawn(hold)
    held.wait()
    with pytest.raises(Conflict, match="idempotency_key_in_flight"):
        people.service.create(**call)
    over.send()
    first.wait()
    assert people.service.create(**call)["email"] == call["data"]["email"]


def test_after_a_day_the_key_is_new_and_old_keys_are_removed(people: People, sql: Sql) -> None:
    call, other = new_call(), new_call()
    people.service.create(**call)
    digest = call["idempotency_key"]
    [(until,)] = sql("SELECT forget_at FROM registrations WHERE key_digest = %s", digest)
    assert timedelta(hours=23, minutes=59) < until - clock.now() <= timedelta(hours=24)
    sql("UPDATE registrations SET forget_at = now() WHERE key_digest = %s", digest)
    again = people.service.create(**{**other, "idempotency_key": digest})
    assert again["email"] == other["data"]["email"]
    sql("UPDATE registrations SET forget_at = now() WHERE key_digest = %s", digest)
    people.service.create(**new_call())
    assert sql("SELECT 1 FROM registrations WHERE key_digest = %s", digest) == []


def test_nothing_personal_is_kept_with_a_key(people: People, sql: Sql) -> None:
    call = new_call()
    people.service.create(**call)
    [(row,)] = sql("SELECT to_jsonb(r) FROM registrations r WHERE key_digest = %s", call["idempotency_key"])
    assert set(row) == {"key_digest", "fingerprint", "user_id", "created_at", "forget_at"}
