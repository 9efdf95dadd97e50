"""The baseline on stock Nameko answers what the benchmark asks of it."""

import time
from collections.abc import Iterator

import pytest
import requests
from pymongo import MongoClient

from bench import people, sides
from bench.engines import Engines
from bench.load import Request
from ops.engines import MailCatcher, MongoDB, PostgreSQL, RabbitMQ


@pytest.fixture(scope="module")
def stock(
    rabbitmq: RabbitMQ,
    postgresql: PostgreSQL,
    mongodb: MongoDB,
    mailcatcher: MailCatcher,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[sides.Side]:
    engines = Engines(rabbitmq, postgresql, mongodb, mailcatcher)
    side = sides.stock(engines, tmp_path_factory.mktemp("stock"), BCRYPT_ROUNDS="4")
    with sides.running(side):
        yield side


@pytest.fixture(scope="module")
def asked(stock: sides.Side) -> people.People:
    return people.settle_in(stock.url, logins=1, readers=2)


def ask(request: Request) -> requests.Response:
    headers = {"Authorization": f"Bearer {request.token}", "Content-Type": "application/json"}
    if request.bodies:
        return requests.post(request.url, request.bodies[0], headers=headers, timeout=10)
    return requests.get(request.url, headers=headers, timeout=10)


def test_it_answers_a_list_of_twenty_newest_first(asked: people.People) -> None:
    todos = ask(asked.list_todos).json()
    assert len(todos) == people.TODOS
    assert [todo["created_at"] for todo in todos] == sorted(
        (todo["created_at"] for todo in todos), reverse=True
    )


def test_each_reader_has_a_list_of_their_own(asked: people.People, stock: sides.Side) -> None:
    own = [
        {todo["id"] for todo in ask(Request(stock.url + path, token)).json()}
        for path, token in asked.lists(2).in_turn
    ]
    assert [len(ids) for ids in own] == [people.TODOS] * 2
    assert not own[0] & own[1]
    for (path, token), ids in zip(asked.singles(2).in_turn, own, strict=True):
        assert ask(Request(stock.url + path, token)).json()["id"] in ids


def test_a_todo_has_the_fields_of_the_contract(asked: people.People) -> None:
    answer = ask(asked.get_todo)
    assert answer.status_code == 200
    assert set(answer.json()) == {
        "id", "title", "description", "status", "completed", "priority", "due_at", "tags", "order",
        "user_id", "url", "created_at", "updated_at", "completed_at", "version",
    }  # fmt: skip


def test_a_new_todo_is_answered_with_201_and_told_to_the_messaging_service(
    asked: people.People, mongodb: MongoDB
) -> None:
    answer = ask(asked.create_todo)
    assert answer.status_code == 201
    wanted = {"template": "todo_created", "context.todo.id": answer.json()["id"]}
    assert wait_for_message(mongodb, wanted)["status"] == "queued"


def test_a_login_gives_a_token_and_is_told_to_the_messaging_service(
    asked: people.People, mongodb: MongoDB
) -> None:
    answer = ask(asked.login)
    assert answer.status_code == 200
    pair = answer.json()
    assert (pair["token_type"], pair["user"]["role"]) == ("Bearer", "user")
    wanted = {"template": "welcome_back", "context.user_id": pair["user"]["id"]}
    assert wait_for_message(mongodb, wanted)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/todos", None, 401),
        ("POST", "/api/auth/login", {"email": "nobody@example.com", "password": "wrong password"}, 401),
        ("POST", "/api/auth/register", {"email": "no address", "password": "long enough", "name": "x"}, 422),
    ],
)
def test_what_is_wrong_is_refused(
    stock: sides.Side, method: str, path: str, body: dict[str, str] | None, status: int
) -> None:
    assert requests.request(method, stock.url + path, json=body, timeout=10).status_code == status


def test_a_todo_of_somebody_else_is_not_found(stock: sides.Side, asked: people.People) -> None:
    token = people.login(stock.url, people.register(stock.url))
    assert ask(Request(asked.get_todo.url, token)).status_code == 404


def wait_for_message(mongodb: MongoDB, wanted: dict[str, str]) -> dict[str, str]:
    with MongoClient(mongodb.uri) as client:
        end = time.monotonic() + 10
        while (found := client.stock.messages.find_one(wanted)) is None:
            assert time.monotonic() < end, f"no message {wanted}"
            time.sleep(0.02)
    return found
