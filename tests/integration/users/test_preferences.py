"""Locale and preferences: part of the user, told with each change, and switched off by a mail's link."""

import uuid
from typing import Any

import pytest

from common.errors import BadRequest, NotFound, ValidationFailed
from common.unsubscribe import Links
from tests.integration.databases import Heard
from tests.integration.running import SECRET, Running, eventually
from tests.integration.users.conftest import People

ALL = {"todo_mails": True, "login_mails": True}
LINKS = Links(SECRET, "https://todos.example.com")


def token_for(user: dict[str, Any], preference: str = "todo_mails") -> str:
    return LINKS.link(user["id"], preference).partition("=")[2]


def test_a_new_user_wants_all_mails_in_the_language_of_the_registration(people: People, heard: Heard) -> None:
    data = {"name": "Ada", "password_hash": "$2b$x", "locale": "de-at"}
    user = people.service.create(data={**data, "email": f"{uuid.uuid4().hex}@example.com"})
    english, owner = people.new()
    [(_, event)] = eventually(lambda: heard.events(user_id=user["id"]))
    assert (event["locale"], event["preferences"]) == ("de-AT", ALL)
    assert people.service.contact(user_id=user["id"])["locale"] == "de-AT"
    found = owner.get(user_id=english["id"])
    assert (found["locale"], found["preferences"]) == ("en", ALL)


def test_the_answers_to_a_registration_and_a_login_stay_short(people: People) -> None:
    user, _ = people.new()
    fields = {"id", "email", "name", "role", "email_verified", "created_at"}
    assert set(user) == set(people.service.credentials(email=user["email"])["user"]) == fields


def test_preferences_are_merged_and_told(people: People, heard: Heard) -> None:
    user, owner = people.new()
    owner.update(user_id=user["id"], changes={"locale": "de", "preferences": {"todo_mails": False}})
    changed = owner.update(user_id=user["id"], changes={"preferences": {"login_mails": False}})
    off = dict.fromkeys(ALL, False)
    assert (changed["locale"], changed["preferences"]) == ("de", off)
    assert people.admin.get(user_id=user["id"])["preferences"] == off
    events = eventually(lambda: len(found := heard.events(user_id=user["id"])) == 3 and found)
    assert [event.get("changes") for _, event in events] == [None, ["locale", "todo_mails"], ["login_mails"]]
    assert (events[-1][1]["locale"], events[-1][1]["preferences"]) == ("de", off)
    assert people.service.contact(user_id=user["id"])["preferences"] == off


def test_a_replacement_keeps_the_preferences_that_it_does_not_name(people: People) -> None:
    user, owner = people.new()
    owner.update(user_id=user["id"], changes={"locale": "de", "preferences": {"todo_mails": False}})
    replaced = owner.replace(user_id=user["id"], data={"name": "Ada", "email": user["email"]})
    assert (replaced["locale"], replaced["preferences"]) == ("de", {**ALL, "todo_mails": False})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"locale": "german"}, "locale"), ({"locale": None}, "locale"),
        ({"preferences": None}, "preferences"), ({"preferences": []}, "preferences"),
        ({"preferences": {"todo_mails": "no"}}, "preferences.todo_mails"),
        ({"preferences": {"todo_mails": None}}, "preferences.todo_mails"),
        ({"preferences": {"password_mails": False}}, "preferences.password_mails"),
        ({"preferences": {"role": True}}, "preferences.role"), ({"todo_mails": False}, "todo_mails"),
    ],
)  # fmt: skip
def test_a_wish_that_is_none_is_told_by_field(people: People, changes: dict[str, Any], field: str) -> None:
    user, owner = people.new()
    for one in (owner, people.admin):
        with pytest.raises(ValidationFailed) as caught:
            one.update(user_id=user["id"], changes=changes)
        assert list(caught.value.details) == [field]
    assert owner.get(user_id=user["id"])["preferences"] == ALL


def test_a_link_switches_off_what_it_names_once_and_for_all(
    people: People, config: dict[str, Any], heard: Heard
) -> None:
    user, owner = people.new()
    anyone = people.somebody()
    assert anyone.unsubscription(token=token_for(user)) == {"preference": "todo_mails", "locale": "en"}
    assert owner.get(user_id=user["id"])["preferences"] == ALL
    answers = [anyone.unsubscribe(token=token_for(user)) for _ in range(3)]
    assert answers == [{"preference": "todo_mails", "locale": "en"}] * 3
    assert owner.get(user_id=user["id"])["preferences"] == {**ALL, "todo_mails": False}
    eventually(lambda: heard.names(user_id=user["id"]).count("user_updated") == 1)


def test_a_token_that_is_worth_nothing_changes_nothing(people: People, users: Running) -> None:
    user, owner = people.new()
    other = Links("another secret that is long enough for these tests", "https://x.example").link(
        user["id"], "todo_mails"
    )
    for token in ("", "x", other.partition("=")[2], None, 5, token_for(user)[:-3], "\0", "x" * 5000):
        for ask in (people.somebody().unsubscribe, people.somebody().unsubscription):
            with pytest.raises(BadRequest) as caught:
                ask(token=token)
            assert caught.value.code == "invalid_token"
    assert owner.get(user_id=user["id"])["preferences"] == ALL
    assert users.is_alive


def test_the_link_of_a_user_who_is_gone_leads_nowhere(people: People) -> None:
    user, owner = people.new()
    owner.delete(user_id=user["id"])
    with pytest.raises(NotFound):
        people.somebody().unsubscribe(token=token_for(user))
