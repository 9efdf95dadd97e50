"""Processes of the version before and of this one run side by side, as they do during an upgrade.

By `make chaos` alone: twelve processes are too much for the machine that runs all other tests.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import eventlet
import pytest

from tests.chaos.test_exactly_once import World, settle
from tests.chaos.two_versions import TwoVersions
from tests.e2e.client import Client
from tests.suite import SERVICES

PEOPLE = 12
OTHER_PASSWORD = "another horse's battery"
MAILS = Counter(
    {
        "Welcome,": 1,
        "Welcome back": 2,
        "Reset": 1,
        "Your password": 1,
        "New todo": 1,
        "Updated": 1,
        "Completed": 1,
        "Deleted": 1,
    }
)
"""What each person's life brings, by what the subjects begin with."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TwoVersions]:
    made = TwoVersions(tmp_path)
    yield made
    made.end()


def test_old_and_new_processes_work_together_through_an_upgrade(world: TwoVersions) -> None:
    live(world, 2)
    tables = world.tables()
    world.start_new()
    are_changed = world.tables() != tables
    before = done(world)
    live(world, PEOPLE)
    assert [name for name, count in done(world).items() if count == before[name]] == []
    for service in SERVICES:
        world.suite.signal(service)
        world.suite.start(service)
    world.wait_for_all()
    # The older user service has started on newer tables, if this version has changed them.
    assert ('"event":"tables_newer"' in world.suite.log_file("users").read_text()) is are_changed
    live(world, 2)
    world.stop_old()
    live(world, 2)

    assert world.admin.get("/api/messages/dead-letters").json() == []
    assert [line for line in told(world.suite.directory) if '"event":"entrypoint_failed"' in line] == []


def done(world: TwoVersions) -> dict[str, int]:
    """How many calls, events and mails each process has carried out."""
    outcome = re.compile(r'"event":"(?:(?:http|rpc|event)_handled|mail_sent)"')
    files = {name: world.suite.log_file(name) for name in world.suite.processes}
    return {name: len(outcome.findall(file.read_text(errors="replace"))) for name, file in files.items()}


def told(directory: Path) -> Iterator[str]:
    """Every line that a process of either version has written."""
    for file in directory.glob("*.log"):
        yield from file.read_text(errors="replace").splitlines()


def live(world: World, people: int) -> None:
    """So many people live side by side, and each has exactly the mails that belong to it."""
    pool = eventlet.GreenPool(people)
    addresses = [life.wait() for life in [pool.spawn(one_life, world, number) for number in range(people)]]
    settle(lambda: all(mails(world, address).total() >= MAILS.total() for address in addresses), 30)
    assert [mails(world, address) for address in addresses] == [MAILS] * people


def one_life(world: World, number: int) -> str:
    """The four flows and what goes with them; the person's address."""
    person = Client(world.suite.url).register(f"Person {number}")
    address = person.user["email"]
    token = token_of(world, address, "Welcome,")
    assert person.post("/api/auth/email/verify", {"token": token}).status_code == 204
    person = person.login()
    assert person.get("/api/users/me").json()["email_verified"] is True
    live_with_todos(person)
    assert person.post("/api/auth/password/forgot", {"email": address}).status_code == 202
    reset = {"token": token_of(world, address, "Reset"), "password": OTHER_PASSWORD}
    assert person.post("/api/auth/password/reset", reset).status_code == 204
    settle(lambda: person.get("/api/users/me").status_code == 401, 5)
    assert person.get("/api/users/me").json()["code"] == "token_revoked"
    person = person.login(address, OTHER_PASSWORD)
    refreshed = person.post("/api/auth/refresh", {"refresh_token": person.refresh_token})
    assert refreshed.status_code == 200, refreshed.text
    assert person.post("/api/auth/logout").status_code == 204
    return address


def live_with_todos(person: Client) -> None:
    """Make a todo, change it, complete it and throw it away."""
    todo = person.todo()
    path = f"/api/todos/{todo['id']}"
    assert [one["id"] for one in person.get("/api/todos").json()] == [todo["id"]]
    changed = person.patch(path, {"title": "Oat milk"})
    assert changed.status_code == 200, changed.text
    assert person.patch(path, {"completed": True}).status_code == 200
    assert person.delete(path).status_code == 204


def token_of(world: World, address: str, subject: str) -> str:
    """The token of the link in a mail."""
    found = re.search(r"\?token=([\w-]+)", world.mails.wait_for_mail(address, subject, 15)["text"])
    assert found
    return found[1]


def mails(world: World, address: str) -> Counter[str]:
    """How many mails have come, by what their subjects begin with."""
    subjects = [mail["subject"] for mail in world.mails.mails(address)]
    known = {
        subject: next((one for one in MAILS if subject.startswith(one)), subject) for subject in subjects
    }
    return Counter(known[subject] for subject in subjects)
