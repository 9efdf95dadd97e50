"""A call that is repeated because its answer was lost: on the same gateway, another one, after a restart."""

import signal
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import eventlet
import pytest
import requests

from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import PASSWORD, Client, new_email
from tests.e2e.test_revocation import gateway
from tests.suite import Suite

Call = Callable[..., requests.Response]
CREATE, BULK, REGISTER = "/api/todos", "/api/todos/bulk", "/api/auth/register"


def body_for(path: str) -> dict[str, Any]:
    """A call that is carried out."""
    if path == REGISTER:
        return {"email": new_email(), "password": PASSWORD, "name": "Ada"}
    milk = {"title": "Buy milk"}
    return milk if path == CREATE else {"ops": [{"op": "create", **milk}, {"op": "delete", "id": "x"}]}


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def shown(answer: requests.Response) -> Any:
    """All of an answer that has to be the same again."""
    return answer.status_code, answer.json(), answer.headers.get("ETag")


@pytest.fixture(scope="module")
def addresses(suite: Suite) -> Iterator[list[str]]:
    """Two gateways side by side."""
    with gateway(suite) as further:
        yield [suite.url, further]


@pytest.mark.parametrize("path", [CREATE, BULK, REGISTER])
def test_the_same_call_has_the_first_answer_on_every_gateway(
    addresses: list[str], ada: Client, path: str
) -> None:
    here, there = (Client(address, ada.token) for address in addresses)
    key, body = new_key(), body_for(path)
    first = here.post(path, body, headers=key)
    assert first.status_code in (200, 201)
    again = [client.post(path, body, headers=key) for client in (here, there, there, here)]
    assert [shown(one) for one in again] == [shown(first)] * 4
    assert len(ada.get(CREATE).json()) == (0 if path == REGISTER else 1)


@pytest.mark.parametrize("path", [CREATE, BULK, REGISTER])
def test_another_body_with_the_same_key_is_refused(addresses: list[str], ada: Client, path: str) -> None:
    here, there = (Client(address, ada.token) for address in addresses)
    key, body = new_key(), body_for(path)
    other = {"ops": [{"op": "create", "title": "Buy bread"}]} if path == BULK else body_for(path)
    other |= {"title": "Buy bread"} if path == CREATE else {}
    here.post(path, body, headers=key)
    for client in (here, there):
        refused = client.post(path, other, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
        assert list(refused.json()["errors"]) == ["idempotency_key"]


@pytest.mark.parametrize("path", [CREATE, BULK, REGISTER])
@pytest.mark.parametrize("wrong", ["", "x" * 201])
def test_a_key_that_is_none_is_refused(ada: Client, path: str, wrong: str) -> None:
    answer = ada.post(path, body_for(path), headers={"Idempotency-Key": wrong})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["idempotency_key"])


@pytest.mark.parametrize("path", [CREATE, BULK, REGISTER])
def test_of_many_at_once_on_both_gateways_one_is_carried_out(
    addresses: list[str], ada: Client, path: str
) -> None:
    key, body = new_key(), body_for(path)
    clients = [Client(address, ada.token) for address in addresses] * 6
    pool = eventlet.GreenPool()
    answers = list(pool.imap(lambda client: client.post(path, body, headers=key), clients))
    first = ada.post(path, body, headers=key)
    done = [shown(one) for one in answers if one.status_code != 409]
    assert done == [shown(first)] * len(done) and done
    refused = {one.json()["code"] for one in answers if one.status_code == 409}
    assert refused <= {"idempotency_key_in_flight"}
    assert len(ada.get(CREATE).json()) == (0 if path == REGISTER else 1)


def test_the_key_of_a_refused_call_is_still_free(ada: Client, anyone: Client) -> None:
    for path, wrong in ((CREATE, {"title": ""}), (BULK, {"ops": []}), (REGISTER, {"email": "x"})):
        key = new_key()
        assert ada.post(path, wrong, headers=key).status_code == 422
        assert ada.post(path, body_for(path), headers=key).status_code in (200, 201)
    key, taken = new_key(), {**body_for(REGISTER), "email": ada.user["email"]}
    assert anyone.post(REGISTER, taken, headers=key).json()["code"] == "email_taken"
    assert anyone.post(REGISTER, body_for(REGISTER), headers=key).status_code == 201


def test_two_users_may_have_the_same_key(ada: Client, bob: Client) -> None:
    key = new_key()
    hers, his = (client.post(CREATE, {"title": client.user["id"]}, headers=key) for client in (ada, bob))
    assert (hers.status_code, his.status_code) == (201, 201)
    assert his.json()["title"] == bob.user["id"]


def test_a_repeated_registration_is_one_account_with_one_mail(
    anyone: Client, mailcatcher: MailCatcher
) -> None:
    key, body = new_key(), body_for(REGISTER)
    answers = [anyone.post(REGISTER, body, headers=key) for _ in range(3)]
    assert [shown(one) for one in answers] == [shown(answers[0])] * 3
    assert {one.headers["Location"] for one in answers} == {answers[0].headers["Location"]}
    other_password = {**body, "password": f"{PASSWORD} x"}
    assert anyone.post(REGISTER, other_password, headers=key).json()["code"] == "idempotency_key_reused"
    anyone.login(body["email"])
    mailcatcher.wait_for_mail(body["email"], "Welcome back")
    subjects = [mail["subject"] for mail in mailcatcher.mails(body["email"])]
    assert len(subjects) == 2, subjects


def test_keys_outlive_the_processes(suite: Suite, ada: Client) -> None:
    calls = [(path, body_for(path), new_key()) for path in (CREATE, BULK, REGISTER)]
    first = [shown(ada.post(path, body, headers=key)) for path, body, key in calls]
    for service in ("todos", "users", "auth"):
        suite.signal(service)
        suite.start(service)
    suite.wait_ready()
    assert [shown(ada.post(path, body, headers=key)) for path, body, key in calls] == first


def test_a_call_with_a_key_whose_service_dies_over_it_is_carried_out_by_the_next(
    suite: Suite, anyone: Client
) -> None:
    ada = anyone.register().login()
    key, body = new_key(), body_for(CREATE)
    suite.signal("todos", signal.SIGSTOP)
    call = eventlet.spawn(ada.post, CREATE, body, headers=key)
    eventlet.sleep(0.5)
    suite.signal("todos")
    suite.start("todos")
    answer = call.wait()
    suite.wait_ready()
    assert answer.status_code in (201, 503, 504), answer.text
    made = ada.post(CREATE, body, headers=key)
    assert made.status_code == 201
    assert ada.get(CREATE).json() == [made.json()]
    assert answer.status_code != 201 or answer.json() == made.json()


def test_a_killed_service_leaves_one_effect_for_each_key(suite: Suite, ada: Client) -> None:
    """The client does what it should: it repeats each call until it is answered."""
    titles = [f"todo {n}" for n in range(60)]

    def insist(title: str) -> Any:
        key, single = new_key(), int(title.split()[1]) % 2
        body = {"title": title} if single else {"ops": [{"op": "create", "title": title}]}
        while True:
            answer = ada.post(CREATE if single else BULK, body, headers=key, timeout=30)
            if answer.status_code < 300:
                return answer.json() if single else answer.json()["results"][0]["todo"]
            assert answer.status_code in (409, 503, 504), answer.text
            eventlet.sleep(0.3)

    jobs = [eventlet.spawn(insist, title) for title in titles]
    for _ in range(2):
        eventlet.sleep(0.2)
        suite.signal("todos")
        suite.start("todos")
        eventlet.sleep(3)
    answers = [job.wait() for job in jobs]
    suite.wait_ready()
    found = ada.get(CREATE, params={"limit": "100"}).json()
    assert sorted(one["id"] for one in answers) == sorted(one["id"] for one in found)
    assert [one["title"] for one in answers] == titles
