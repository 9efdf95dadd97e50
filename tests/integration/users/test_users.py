"""Users over RPC: one account an address, one administrator at least, nobody sees another."""

import uuid
from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from common.errors import Conflict, Forbidden, NotFound, SuiteError, ValidationFailed
from services.users.service import UsersService
from tests.integration.conftest import Run
from tests.integration.databases import Heard
from tests.integration.running import Running, eventually
from tests.integration.users.conftest import ADMIN, People

Sql = Callable[..., list[Any]]


def outcomes(*calls: Callable[[], Any]) -> list[Any]:
    """What came of calls made at the same moment: a result, or the error's class."""
    pool = eventlet.GreenPool(len(calls))

    def outcome(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except SuiteError as error:
            return type(error)

    return list(pool.imap(outcome, calls))


def test_a_new_user_is_kept_and_announced(people: People, heard: Heard) -> None:
    user, owner = people.new("Ada", f"Ada-{uuid.uuid4().hex[:6]}@Example.com")
    assert owner.get(user_id=user["id"]).items() > user.items()
    assert user["role"] == "user"
    assert user["email_verified"] is False
    assert user["email"].endswith("@example.com")
    [(name, event)] = eventually(lambda: heard.events(user_id=user["id"]))
    assert name == "user_registered"
    assert (event["email"], event["name"], event["user_version"]) == (user["email"], "Ada", 1)
    assert len(event["verification_token"]) >= 43


def test_of_two_who_register_one_address_at_once_one_wins(people: People, users: Running, sql: Sql) -> None:
    store = users.inject("store").users
    for number in range(20):
        local = f"pair{number}-{uuid.uuid4().hex[:6]}"
        found = outcomes(
            lambda local=local: store.add(f"{local}@example.com", "A", "h"),
            lambda local=local: store.add(f"{local.upper()}@example.com", "B", "h"),
        )
        assert found.count(Conflict) == 1, found
        assert sql("SELECT count(*) FROM users WHERE email_key = %s", f"{local}@example.com") == [(1,)]


def test_a_taken_address_is_a_conflict_however_it_is_spelled(people: People) -> None:
    name = uuid.uuid4().hex[:8]
    people.new(email=f"strasse-{name}@example.com")
    with pytest.raises(Conflict) as caught:
        people.new(email=f"STRAßE-{name}@EXAMPLE.com")
    assert caught.value.code == "email_taken"
    other, owner = people.new()
    with pytest.raises(Conflict):
        owner.update(user_id=other["id"], changes={"email": f"Strasse-{name}@example.com"})


def test_a_refused_registration_leaves_no_event(people: People, sql: Sql, heard: Heard) -> None:
    user, _ = people.new()
    with pytest.raises(Conflict):
        people.new(email=user["email"])
    eventually(lambda: heard.events(email=user["email"]))
    eventlet.sleep(0.3)
    assert heard.names(email=user["email"]) == ["user_registered"]
    assert sql("SELECT count(*) FROM outbox") == [(0,)]


@pytest.mark.parametrize(
    "user_id", ["", "x", "1", str(uuid.uuid4()), "0" * 32, "ü", "'; DROP TABLE users", None, 5, ["x"]]
)
def test_an_id_that_is_nobodys_or_none_is_not_found(people: People, user_id: Any) -> None:
    _, owner = people.new()
    for call in (owner, people.admin):
        for ask in (
            lambda call=call: call.get(user_id=user_id),
            lambda call=call: call.update(user_id=user_id, changes={"name": "x"}),
            lambda call=call: call.delete(user_id=user_id),
        ):
            with pytest.raises(NotFound) as caught:
                ask()
            assert caught.value.code == "user_not_found"
    with pytest.raises(NotFound):
        people.service.contact(user_id=user_id)


def test_another_user_is_not_found_and_an_administrator_finds_all(people: People) -> None:
    ada, _ = people.new("Ada")
    _, bob = people.new("Bob")
    for ask in (bob.get, bob.delete):
        with pytest.raises(NotFound):
            ask(user_id=ada["id"])
    with pytest.raises(NotFound):
        bob.update(user_id=ada["id"], changes={"name": "Mallory"})
    found = people.admin.get(user_id=ada["id"])
    assert found["name"] == "Ada"
    assert found["disabled"] is False


def test_a_change_raises_the_version_and_is_announced_by_field(people: People, heard: Heard) -> None:
    user, owner = people.new()
    assert owner.update(user_id=user["id"], changes={"name": " Countess "})["name"] == "Countess"
    [_, (name, event)] = eventually(lambda: len(found := heard.events(user_id=user["id"])) == 2 and found)
    assert (name, event["changes"], event["user_version"]) == ("user_updated", ["name"], 2)
    assert people.service.contact(user_id=user["id"])["user_version"] == 2


def test_an_address_is_verified_once(people: People, heard: Heard) -> None:
    user, owner = people.new()
    [(_, event)] = eventually(lambda: heard.events(user_id=user["id"]))
    assert people.service.verify_email(token=event["verification_token"]) is True
    assert people.service.verify_email(token=event["verification_token"]) is False
    assert owner.get(user_id=user["id"])["email_verified"] is True


def test_a_change_that_changes_nothing_is_no_event(people: People, heard: Heard, sql: Sql) -> None:
    user, owner = people.new("Ada")
    for changes in ({}, {"name": "Ada"}, {"email": user["email"]}):
        assert owner.update(user_id=user["id"], changes=changes).items() > user.items()
    eventually(lambda: heard.events(user_id=user["id"]))
    eventlet.sleep(0.3)
    assert heard.names(user_id=user["id"]) == ["user_registered"]
    assert sql("SELECT version FROM users WHERE id = %s", user["id"]) == [(1,)]


def test_only_an_administrator_gives_power(people: People) -> None:
    user, owner = people.new()
    with pytest.raises(Forbidden):
        owner.update(user_id=user["id"], changes={"role": "admin"})
    assert people.admin.update(user_id=user["id"], changes={"role": "admin"})["role"] == "admin"
    assert people.admin.update(user_id=user["id"], changes={"role": "user"})["role"] == "user"


def test_what_is_wrong_is_told_by_field(people: People) -> None:
    user, owner = people.new()
    with pytest.raises(ValidationFailed) as caught:
        owner.update(user_id=user["id"], changes={"name": "", "email": "x", "version": 5})
    assert set(caught.value.details) == {"name", "email", "version"}
    with pytest.raises(ValidationFailed):
        owner.replace(user_id=user["id"], data={"name": "x"})


def test_a_deleted_user_is_gone_with_all_rows_and_announced(people: People, heard: Heard, sql: Sql) -> None:
    user, owner = people.new()
    people.service.open_session(user_id=user["id"], refresh_token="r", seconds=60, ip="", user_agent="")
    owner.delete(user_id=user["id"])
    assert people.service.credentials(email=user["email"]) is None
    for table in ("sessions", "one_time_tokens"):
        assert sql(f"SELECT count(*) FROM {table} WHERE user_id = %s", user["id"]) == [(0,)]
    eventually(lambda: heard.names(user_id=user["id"])[-1:] == ["user_deleted"])
    with pytest.raises(NotFound):
        owner.delete(user_id=user["id"])
    people.somebody(user_id=user["id"], repeated="yes").delete(user_id=user["id"])


def test_the_last_administrator_can_not_go_in_any_way(people: People) -> None:
    admin = people.admin
    me = people.service.credentials(email=ADMIN)["user"]["id"]
    for ask in (
        lambda: admin.delete(user_id=me),
        lambda: admin.update(user_id=me, changes={"role": "user"}),
        lambda: admin.update(user_id=me, changes={"disabled": True}),
    ):
        with pytest.raises(Conflict) as caught:
            ask()
        assert caught.value.code == "last_admin"


@pytest.mark.parametrize("way", ["demote", "disable", "delete", "mixed"])
def test_administrators_who_remove_each_other_at_once_leave_one(
    people: People, users: Running, sql: Sql, way: str
) -> None:
    store = users.inject("store").users
    ids = [str(store.add(f"{uuid.uuid4().hex}@example.com", "A", "h", role="admin").id) for _ in range(3)]
    first = people.service.credentials(email=ADMIN)["user"]["id"]
    ways: list[Callable[[str], Any]] = [
        lambda one: store.update(one, {"role": "user"}),
        lambda one: store.update(one, {"disabled": True}),
        store.delete,
    ]
    chosen = {"demote": ways[:1], "disable": ways[1:2], "delete": ways[2:], "mixed": ways}[way]
    found = outcomes(
        *(
            lambda one=one, number=number: chosen[number % len(chosen)](one)
            for number, one in enumerate([*ids, first])
        )
    )
    left = sql("SELECT count(*) FROM users WHERE role = 'admin' AND NOT disabled")
    # Whoever was left is made the first one again, for the tests that follow.
    sql("UPDATE users SET role = 'user' WHERE email_key <> %s", ADMIN)
    if not sql("SELECT 1 FROM users WHERE email_key = %s", ADMIN):
        store.add(ADMIN, "Administrator", "h", role="admin")
    sql("UPDATE users SET role = 'admin', disabled = false WHERE email_key = %s", ADMIN)
    assert left == [(1,)], found
    assert found.count(Conflict) == 1


def test_users_come_in_pages_newest_first_and_are_searched_literally(people: People) -> None:
    mark = uuid.uuid4().hex[:8]
    made = [people.new(f"{mark} {name}")[0]["id"] for name in ("100%", "a_b", "c\\d", "e", "f")]
    admin, seen, cursor = people.admin, [], None
    while True:
        query = {"q": mark, "limit": "2", "count": "true"} | ({"cursor": cursor} if cursor else {})
        page = admin.list(query=query)
        seen += [user["id"] for user in page["items"]]
        assert page["total"] == 5
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == made[::-1]
    for part, count in (
        (f"{mark} 100%", 1),
        (f"{mark} a_", 1),
        (f"{mark} c\\", 1),
        (f"{mark} _", 0),
        (f"{mark.upper()} %", 0),
    ):
        assert len(admin.list(query={"q": part})["items"]) == count, part
    for wrong in ({"cursor": "x"}, {"cursor": "WyJ4IiwieSJd"}, {"limit": "0"}):
        with pytest.raises(ValidationFailed):
            admin.list(query=wrong)


def test_two_services_that_start_at_once_make_one_first_administrator(
    config: dict[str, Any], users: Running, run: Run, sql: Sql
) -> None:
    own = {**config, "ADMIN_EMAIL": f"{uuid.uuid4().hex}@example.com"}
    sql("UPDATE users SET role = 'user' WHERE email_key = %s", ADMIN)
    for _ in eventlet.GreenPool(2).imap(lambda _: run(UsersService, own), range(2)):
        pass
    found = sql("SELECT email FROM users WHERE role = 'admin'")
    sql("UPDATE users SET role = 'user' WHERE role = 'admin'")
    sql("UPDATE users SET role = 'admin' WHERE email_key = %s", ADMIN)
    assert found == [(own["ADMIN_EMAIL"],)]
