"""How long an answer takes does not tell whether an address has an account.

With ``TIMING=long`` by the figures that the suite promises, on a machine that does nothing else; the short
form, with all other tests beside it, finds what is left out on one of the two ways.
"""

import os
import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from common.errors import SuiteError, Unauthenticated
from tests.e2e.load import quickest
from tests.integration.accounts.conftest import PASSWORD, Visitor
from tests.integration.running import Running
from tests.integration.users.conftest import People

Found = dict[str, Any]
LONG = os.environ.get("TIMING") == "long"
TRIES, MOST = (200, 0.05) if LONG else (50, 0.5)
COST = 8
"""Where hashing takes most of a login's time, as it does at the cost that the suite ships with."""
AT_ONCE = 25


@pytest.fixture(scope="module")
def config(config: Found) -> Found:
    # More free guesses than are made: what counts them is measured as well.
    return {**config, "BCRYPT_ROUNDS": COST, "LOGIN_FREE_GUESSES": 1000}


def nobody() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


@pytest.fixture
def accounts(auth: Running, people: People) -> list[str]:
    """The addresses of so many accounts: no single one is guessed at so often that it has to wait."""
    kept, service = auth.inject("passwords").hash(PASSWORD), people.service
    data = [{"email": nobody(), "name": "Ada", "password_hash": kept} for _ in range(TRIES)]
    return [service.create(data=one)["email"] for one in data]


def seconds(call: Callable[[], Any]) -> tuple[float, str]:
    """How long a call took, and what it answered."""
    started = time.perf_counter()
    try:
        answer = repr(call())
    except SuiteError as refusal:
        answer = repr(refusal)
    return time.perf_counter() - started, answer


def apart(found: list[tuple[float, float]]) -> float:
    """By which part of the smaller the two medians differ."""
    known, unknown = (statistics.median(times) for times in zip(*found, strict=True))
    print(f"known {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms")
    return abs(known - unknown) / min(known, unknown)


def test_a_login_takes_as_long_for_an_unknown_address(visitor: Visitor, accounts: list[str]) -> None:
    auth = visitor()
    answers = set()

    def taken(email: str) -> float:
        spent, answer = seconds(lambda: auth.login(data={"email": email, "password": "not this one"}))
        answers.add(answer)
        return spent

    def measure() -> float:
        return apart([(taken(known), taken(nobody())) for known in accounts])

    assert quickest(measure, MOST, tries=5) < MOST
    assert answers == {repr(Unauthenticated("invalid_credentials", "E-mail address or password is wrong."))}


def test_a_forgotten_password_is_answered_as_late_for_an_unknown_address(
    visitor: Visitor, accounts: list[str]
) -> None:
    clients, answers = [visitor() for _ in range(AT_ONCE)], set()

    def taken(client: Any, email: str) -> float:
        spent, answer = seconds(lambda: client.forgot_password(data={"email": email}))
        answers.add(answer)
        return spent

    def some(number: int) -> list[tuple[float, float]]:
        mine = accounts[number::AT_ONCE]
        return [(taken(clients[number], known), taken(clients[number], nobody())) for known in mine]

    def measure() -> float:
        return apart([pair for part in eventlet.GreenPool().imap(some, range(AT_ONCE)) for pair in part])

    assert quickest(measure, MOST, tries=5) < MOST
    assert answers == {"None"}
