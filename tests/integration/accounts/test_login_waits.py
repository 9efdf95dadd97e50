"""Wrong passwords cost waits that grow, for who guesses and not for the owner at home."""

import uuid
from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from common.errors import SuiteError, TooManyRequests, Unauthenticated
from tests.integration.accounts.conftest import PASSWORD, Visitor
from tests.integration.databases import Heard
from tests.integration.running import Somebody, eventually

Found = dict[str, Any]
Sql = Callable[..., list[Any]]
FREE = 3
HOME, STRANGE = "203.0.113.7", "198.51.100.9"


@pytest.fixture(scope="module")
def config(config: Found) -> Found:
    return {**config, "LOGIN_FREE_GUESSES": FREE}


@pytest.fixture(autouse=True)
def nothing_counted(sql: Sql) -> None:
    """What one test has counted for an address must not make the next one wait."""
    sql("DELETE FROM login_waits")


@pytest.fixture
def ada(account: Callable[..., Found]) -> Found:
    return account()


def tried(auth: Any, user: Found, password: str = "not this one") -> str:
    """What becomes of a login: a code, or `in`."""
    try:
        auth.login(data={"email": user["email"], "password": password})
    except SuiteError as refusal:
        return refusal.code
    return "in"


def guesses(auth: Any, user: Found, number: int) -> list[str]:
    return [tried(auth, user) for _ in range(number)]


def waited(sql: Sql) -> None:
    """All waits that have begun are over."""
    sql("UPDATE login_waits SET wait_until = now() - interval '1 ms' WHERE wait_until IS NOT NULL")


def lengthened(sql: Sql) -> None:
    """The waits that have begun last a minute: some tries on a busy machine take the second of the first."""
    sql("UPDATE login_waits SET wait_until = now() + interval '1 minute' WHERE wait_until IS NOT NULL")


def wait_of(auth: Any, user: Found) -> int:
    """For how long a login is refused."""
    with pytest.raises(TooManyRequests) as caught:
        auth.login(data={"email": user["email"], "password": PASSWORD})
    return int(caught.value.details["retry_after"])


def test_each_wrong_password_after_the_free_ones_doubles_the_wait_up_to_a_quarter_of_an_hour(
    ada: Found, visitor: Visitor, sql: Sql
) -> None:
    auth, waits = visitor(), []
    assert guesses(auth, ada, FREE - 1) == ["invalid_credentials"] * (FREE - 1)
    for _ in range(12):
        assert tried(auth, ada) == "invalid_credentials"
        waits.append(wait_of(auth, ada))
        waited(sql)
    expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert all(0 <= full - found <= 1 for full, found in zip(expected, waits, strict=True)), waits


def test_the_right_password_ends_the_waits_and_the_count(ada: Found, visitor: Visitor, sql: Sql) -> None:
    auth = visitor()
    for _ in range(2):
        guesses(auth, ada, FREE)
        assert tried(auth, ada, PASSWORD) == "too_many_guesses"
        waited(sql)
        assert tried(auth, ada, PASSWORD) == "in"


def test_a_guess_in_a_wait_is_not_counted(ada: Found, visitor: Visitor, sql: Sql) -> None:
    auth = visitor()
    guesses(auth, ada, FREE)
    assert wait_of(auth, ada) == 1
    lengthened(sql)
    assert guesses(auth, ada, 20) == ["too_many_guesses"] * 20
    assert sql("SELECT max(failures) FROM login_waits") == [(FREE,)]


def test_the_owner_at_home_does_not_wait_for_strangers_from_many_addresses(
    ada: Found, visitor: Visitor, sql: Sql
) -> None:
    home = visitor(HOME)
    assert tried(home, ada, PASSWORD) == "in"
    strangers = [visitor(f"198.51.100.{number}") for number in range(5)]
    told = []
    for stranger in strangers * FREE:
        told.append(tried(stranger, ada))
        lengthened(sql)
    assert told[-1] == "too_many_guesses"  # the account's own count: this address has free ones left
    assert tried(visitor(STRANGE), ada, PASSWORD) == "too_many_guesses"
    assert tried(home, ada) == "invalid_credentials"
    assert tried(home, ada, PASSWORD) == "in"


def test_who_guesses_at_many_accounts_waits_and_who_was_there_before_does_not(
    account: Callable[..., Found], ada: Found, visitor: Visitor
) -> None:
    office = visitor(STRANGE)
    assert tried(office, ada, PASSWORD) == "in"
    nobodies = [{"email": f"{uuid.uuid4().hex}@example.com"} for _ in range(FREE * 20)]
    assert {tried(office, one) for one in nobodies} == {"invalid_credentials"}
    assert tried(office, account(), PASSWORD) == "too_many_guesses"
    assert tried(office, ada, PASSWORD) == "in"


def test_an_account_that_does_not_exist_costs_the_same_waits(visitor: Visitor) -> None:
    auth, nobody = visitor(), {"email": f"{uuid.uuid4().hex}@example.com"}
    assert guesses(auth, nobody, FREE + 1) == ["invalid_credentials"] * FREE + ["too_many_guesses"]
    assert tried(auth, {"email": nobody["email"].upper()}) == "too_many_guesses"


def test_of_guesses_at_the_same_moment_no_more_are_answered_than_are_free(
    ada: Found, visitor: Visitor
) -> None:
    clients = [visitor(STRANGE) for _ in range(8)]
    found = list(eventlet.GreenPool().imap(lambda one: tried(one, ada), clients))
    assert sorted(found) == ["invalid_credentials"] * FREE + ["too_many_guesses"] * (8 - FREE)
    assert tried(clients[0], ada, PASSWORD) == "too_many_guesses"


def refusals(people: Any, user: Found) -> list[tuple[str, str]]:
    """The refusals that the audit log has of an account, oldest first."""
    found = people.admin.audit(query={"user_id": user["id"]})["items"]
    return [
        (one["event"], one["details"]["reason"]) for one in reversed(found) if one["outcome"] == "refused"
    ]


def test_the_first_refusal_of_each_wait_is_in_the_audit_log(
    ada: Found, visitor: Visitor, people: Any, sql: Sql
) -> None:
    auth = visitor()
    guesses(auth, ada, FREE + 5)
    waited(sql)
    guesses(auth, ada, 5)
    wrong, waits = ("login", "wrong_password"), ("login", "too_many_guesses")
    assert refusals(people, ada) == [*[wrong] * FREE, waits, wrong, waits]


def test_of_refusals_at_the_same_moment_one_is_in_the_audit_log(
    ada: Found, visitor: Visitor, people: Any
) -> None:
    clients = [visitor(STRANGE) for _ in range(8)]
    list(eventlet.GreenPool().imap(lambda one: tried(one, ada), clients))
    assert sorted(reason for _, reason in refusals(people, ada)) == [
        "too_many_guesses",
        *["wrong_password"] * FREE,
    ]


def test_a_login_to_no_account_that_is_refused_in_a_wait_is_in_the_audit_log(
    visitor: Visitor, people: Any
) -> None:
    guesses(visitor(), {"email": f"{uuid.uuid4().hex}@example.com"}, FREE + 3)
    found = people.admin.audit(query={"event": "login", "limit": str(FREE + 2)})["items"]
    reasons = [one["details"].get("reason") for one in found if one["user_id"] is None]
    assert reasons[: FREE + 1] == ["too_many_guesses", *["unknown_account"] * FREE]


def test_addresses_of_one_ipv6_network_are_one_guesser(ada: Found, visitor: Visitor) -> None:
    first, second, other = (visitor(one) for one in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"))
    assert guesses(first, ada, FREE) == ["invalid_credentials"] * FREE
    assert tried(second, ada) == "too_many_guesses"
    assert tried(other, ada) == "invalid_credentials"


def test_a_link_of_a_mail_opens_the_account_from_anywhere(
    ada: Found, visitor: Visitor, people: Any, heard: Heard, sql: Sql
) -> None:
    auth = visitor(STRANGE)
    guesses(auth, ada, FREE)
    people.service.request_password_reset(email=ada["email"])
    found = eventually(
        lambda: [event for name, event in heard.events(user_id=ada["id"]) if "reset_token" in event]
    )
    auth.reset_password(data={"token": found[0]["reset_token"], "password": "staple battery horse"})
    assert tried(auth, ada, "staple battery horse") == "in"


def test_wrong_present_passwords_of_who_is_logged_in_cost_the_same(
    ada: Found, config: Found, auth: Any, visitor: Visitor, people: Any
) -> None:
    owner = Somebody(config, user_id=ada["id"], client_ip=HOME)
    change = {"current_password": "not this one", "new_password": "staple battery horse"}
    codes = []
    for _ in range(FREE + 1):
        with pytest.raises(SuiteError) as caught:
            owner.call.auth.change_password(data=change)
        codes.append(caught.value.code)
    owner.stop()
    assert codes == ["validation_failed"] * FREE + ["too_many_guesses"]
    assert refusals(people, ada)[-1] == ("password_changed", "too_many_guesses")
    assert tried(visitor(HOME), ada, PASSWORD) == "too_many_guesses"


def test_what_was_counted_goes_with_the_account_and_no_address_is_kept(
    ada: Found, people: Any, visitor: Visitor, sql: Sql
) -> None:
    auth = visitor(HOME)
    tried(auth, ada, PASSWORD)
    guesses(auth, ada, FREE)
    guesses(visitor(STRANGE), ada, FREE)
    kept = repr(sql("SELECT * FROM login_waits")) + repr(sql("SELECT * FROM login_places"))
    assert not [one for one in (ada["email"], HOME, STRANGE) if one in kept]
    people.somebody(user_id=ada["id"]).delete(user_id=ada["id"])
    assert sql("SELECT 1 FROM login_places WHERE user_id = %s", ada["id"]) == []
    assert sql("SELECT count(*) FROM login_waits WHERE account IS NOT NULL") == [(0,)]


def test_a_wait_is_told_without_a_word_on_the_password(ada: Found, visitor: Visitor) -> None:
    auth = visitor()
    guesses(auth, ada, FREE)
    for password in (PASSWORD, "not this one"):
        with pytest.raises(TooManyRequests, match="Too many wrong passwords: try again in 1 s"):
            auth.login(data={"email": ada["email"], "password": password})
    with pytest.raises(Unauthenticated):
        visitor(STRANGE).login(data={"email": ada["email"], "password": "not this one"})
