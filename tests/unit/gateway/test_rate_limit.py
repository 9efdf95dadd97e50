"""The gateway's limits: who is counted, what clients are told, and how much memory it takes."""

from typing import Any

import pytest

from common.errors import TooManyRequests
from common.http import HttpEntrypoint
from common.identity import Identity
from gateway import rate_limit_store
from gateway.http import LimitedEntrypoint
from gateway.rate_limit import (
    GUARDED,
    Guarded,
    Limit,
    RateLimits,
    Slot,
    account_of,
    client,
    headers,
    read_limits,
)
from gateway.rate_limit_store import MemoryCounters, Usage, Windows, make_counters
from gateway.service import GatewayService
from tests.unit.gateway.made_requests import request

ADA = Identity("ada", "user", "s", "t", 0)
BY_EMAIL = Guarded("login", frozenset((401,)), "email")
LOGIN = "/api/auth/login"


class Container:
    """What a rate limit knows of its process: the settings."""

    def __init__(self, **limits: Any) -> None:
        self.config = {"RATE_LIMITS": {"enabled": True, "storage_uri": "", **limits}}


@pytest.fixture
def limits() -> RateLimits:
    found = RateLimits()
    found.container = Container(
        **{"anonymous": "3/minute", "user": "2/minute", "login": "2/minute", "login-address": "4/minute"}
    )
    found.setup()
    return found


def asked(address: str = "203.0.113.7", payload: Any = None) -> Any:
    made = request()
    made.remote_addr = address
    made.payload = payload
    return made


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", "None"),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, counted: str) -> None:
    assert client(asked(address)) == counted


def test_spellings_of_one_address_are_one_account() -> None:
    spellings = ("ada@example.org", " Ada@Example.ORG ", "\uff21da@example.org")
    accounts = {account_of(asked(payload={"email": one}), BY_EMAIL, None) for one in spellings}

    assert len(accounts) == 1
    assert "ada" not in accounts.pop()


@pytest.mark.parametrize(
    "payload", [None, [], "x", {}, {"email": None}, {"email": ["a"]}, {"email": "a" * 321}]
)
def test_a_body_that_names_no_account_has_none(payload: Any) -> None:
    assert account_of(asked(payload=payload), BY_EMAIL, None) == ""


def test_the_account_of_a_user_is_the_user() -> None:
    assert account_of(asked(payload={"email": "bob@example.org"}), BY_EMAIL, ADA) == "ada"


def test_users_count_for_themselves_and_others_by_address(limits: RateLimits) -> None:
    for _ in range(2):
        limits.take(asked(), ADA)
    for _ in range(3):
        limits.take(asked(), None)

    for caller in (ADA, None):
        with pytest.raises(TooManyRequests):
            limits.take(asked(), caller)
    limits.take(asked(), Identity("bob", "user", "s", "t", 0))
    limits.take(asked("203.0.113.8"), None)


def test_a_refusal_says_when_to_come_back(limits: RateLimits) -> None:
    for _ in range(2):
        limits.take(asked(), ADA)
    late = asked()
    with pytest.raises(TooManyRequests) as refusal:
        limits.take(late, ADA)

    assert refusal.value.details == {"retry_after": "60"}
    assert late.answer_headers == {
        "RateLimit-Limit": "2",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "60",
        "RateLimit": '"user";r=0;t=60',
        "RateLimit-Policy": '"user";q=2;w=60',
    }


def test_only_answers_that_count_keep_their_count(limits: RateLimits) -> None:
    for status in (200, 422, 503, 401, 200, 401):
        _log_in(limits, status)
    with pytest.raises(TooManyRequests):
        _log_in(limits, 429)
    with pytest.raises(TooManyRequests):
        _log_in(limits, 429)
    _log_in(limits, 401, "bob@example.org")


def test_many_accounts_do_not_help_who_guesses_from_one_address(limits: RateLimits) -> None:
    for name in "abcd":
        _log_in(limits, 401, f"{name}@example.org")
    with pytest.raises(TooManyRequests):
        _log_in(limits, 401, "e@example.org")
    _log_in(limits, 401, "e@example.org", "203.0.113.8")


def _log_in(
    limits: RateLimits, status: int, email: str = "ada@example.org", address: str = "203.0.113.7"
) -> None:
    made = asked(address, {"email": email})
    try:
        limits.take_guarded(made, LOGIN, None)
    finally:
        limits.settle(made, LOGIN, status)


def test_what_is_switched_off_counts_nothing() -> None:
    limits = RateLimits()
    limits.container = Container(enabled=False, anonymous="1/minute")
    limits.setup()
    for _ in range(3):
        made = asked()
        limits.take(made, None)
        limits.take_guarded(made, LOGIN, None)
        limits.settle(made, LOGIN, 401)
        assert made.answer_headers == {}


def test_clients_are_told_of_all_limits_and_most_of_the_nearest() -> None:
    wide, narrow = Limit("anonymous", 100, 60), Limit("login", 10, 3600)
    told = headers([Slot(wide, "a", Usage(1, 59.2)), Slot(narrow, "b", Usage(8, 0.1))])

    assert told == {
        "RateLimit-Limit": "10",
        "RateLimit-Remaining": "2",
        "RateLimit-Reset": "1",
        "RateLimit": '"anonymous";r=99;t=60, "login";r=2;t=1',
        "RateLimit-Policy": '"anonymous";q=100;w=60, "login";q=10;w=3600',
    }
    assert headers([]) == {}


def test_one_text_may_hold_several_limits() -> None:
    found = read_limits(
        {"enabled": True, "storage_uri": "", "login": "10/minute; 5 per 2 hours", "user": "9/day"}
    )

    assert found == {
        "login": (Limit("login-60s", 10, 60), Limit("login-7200s", 5, 7200)),
        "user": (Limit("user", 9, 86400),),
    }


def test_a_window_begins_with_the_first_count_and_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(rate_limit_store.time, "monotonic", lambda: now)
    counters = MemoryCounters()
    assert counters.add("a", 60) == Usage(1, 60)
    now += 59
    assert counters.add("a", 60) == Usage(2, 1)
    counters.take_back("a", 60)
    assert counters.add("a", 60) == Usage(2, 1)
    now += 1
    assert counters.add("a", 60) == Usage(1, 60)


def test_ended_windows_go_when_new_ones_come(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(rate_limit_store.time, "monotonic", lambda: now)
    counters = MemoryCounters()
    for number in range(1000):
        now += 1
        counters.add(f"address-{number}", 60)
        counters.add("steady", 3600)

    assert len(counters.windows) <= 61


def test_memory_is_bounded_whoever_comes() -> None:
    windows = Windows(most=10)
    for number in range(1000):
        windows.begin(str(number), 60, 0, 60)

    assert len(windows) == 10
    assert windows.find("999", 60, 0)
    assert not windows.find("989", 60, 0)


def test_without_a_store_counts_stay_in_memory() -> None:
    assert isinstance(make_counters(""), MemoryCounters)
    assert isinstance(make_counters("memory://"), MemoryCounters)


def test_every_route_is_counted_but_health_metrics_and_the_files_of_the_app() -> None:
    methods = [getattr(GatewayService, name) for name in dir(GatewayService)]
    routes = [
        one
        for it in methods
        for one in getattr(it, "nameko_entrypoints", ())
        if isinstance(one, HttpEntrypoint)
    ]
    uncounted = {one.url for one in routes if not isinstance(one, LimitedEntrypoint)}

    assert {LOGIN, "/", "/api/todos"} <= {one.url for one in routes if isinstance(one, LimitedEntrypoint)}
    files = "/app/<version>/<folder>/<file>"
    assert uncounted == {"/health", "/health/live", "/health/ready", "/metrics", files}


def test_every_guarded_path_has_its_limits(config: dict[str, Any]) -> None:
    named = read_limits(config["RATE_LIMITS"])

    for guarded in GUARDED.values():
        assert f"{guarded.limit}-address" in named
        assert not guarded.field or guarded.limit in named
