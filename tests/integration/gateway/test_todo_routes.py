"""Conditional requests, pages and addresses, with the real todo service behind the gateway."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ops.engines import MongoDB, RabbitMQ
from tests.e2e.client import Client
from tests.integration.gateway.conftest import Token, running, wait_until
from tests.suite import Suite


@pytest.fixture(scope="module")
def pair(rabbitmq: RabbitMQ, mongodb: MongoDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """The gateway and the todo service."""
    settings = {"RABBITMQ_URL": rabbitmq.add_vhost("pair"), "MONGODB_URI": mongodb.uri}
    with running(tmp_path_factory.mktemp("pair"), "gateway", "todos", **settings) as suite:
        wait_until(
            lambda: requests.get(f"{suite.url}/health").json()["services"]["todos"]["status"] == "pass"
        )
        yield suite


@pytest.fixture
def ada(pair: Suite, token: Token) -> Client:
    return Client(pair.url, token())


def test_a_new_todo_comes_with_its_address_and_its_tag(ada: Client) -> None:
    answer = ada.post("/api/todos", {"title": "Buy milk"})
    todo = answer.json()

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{ada.base_url}/api/todos/{todo['id']}" == todo["url"]
    assert answer.headers["ETag"] == f'"{todo["version"]}"'
    assert ada.call("GET", urlsplit(answer.headers["Location"]).path).json() == todo


def test_the_short_paths_answer_like_the_long_ones(ada: Client) -> None:
    todo = ada.post("/todos", {"title": "Buy milk"}).json()

    assert ada.get(f"/todos/{todo['id']}").json() == ada.get(f"/api/todos/{todo['id']}/").json() == todo
    assert ada.get("/todos").json() == ada.get("/api/todos").json() == [todo]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_that_has_the_current_version_is_told_so_without_a_body(ada: Client, method: str) -> None:
    todo = ada.todo()
    path, known = f"/api/todos/{todo['id']}", {"If-None-Match": f'"0", W/"{todo["version"]}"'}
    answer = ada.call(method, path, headers=known)
    changed = ada.patch(path, {"title": "Buy bread"})
    after = ada.call(method, path, headers=known)

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == f'"{todo["version"]}"'
    assert after.status_code == 200
    assert after.headers["ETag"] == changed.headers["ETag"] != answer.headers["ETag"]


@pytest.mark.parametrize(
    ("method", "body"), [("PATCH", {"title": "B"}), ("PUT", {"title": "B"}), ("DELETE", None)]
)
def test_a_change_of_a_version_that_is_gone_is_refused(ada: Client, method: str, body: dict | None) -> None:
    todo = ada.todo()
    path, stale = f"/api/todos/{todo['id']}", {"If-Match": f'"{todo["version"]}"'}
    current = ada.patch(path, {"title": "A"}, headers=stale)
    refused = ada.call(method, path, json=body, headers=stale)
    done = ada.call(method, path, json=body, headers={"If-Match": current.headers["ETag"]})

    assert current.status_code == 200
    assert (refused.status_code, refused.headers["Content-Type"]) == (412, "application/problem+json")
    assert done.status_code == (204 if method == "DELETE" else 200)


@pytest.mark.parametrize("header", ["*", '"1"', 'W/"1"'])
def test_a_change_on_condition_that_there_is_none_is_refused(ada: Client, header: str) -> None:
    todo = ada.todo()
    path = f"/api/todos/{todo['id']}"
    assert ada.put(path, {"title": "B"}, headers={"If-None-Match": header}).status_code == 412
    assert ada.get(path).json()["title"] == todo["title"]


@pytest.mark.parametrize("header", ['W/"1"', "garbage", '"x"', '"9", "8"', ""])
def test_a_condition_that_no_version_can_meet_is_not_ignored(ada: Client, header: str) -> None:
    todo = ada.todo()
    answer = ada.delete(f"/api/todos/{todo['id']}", headers={"If-Match": header})

    assert answer.status_code == 412
    assert ada.get(f"/api/todos/{todo['id']}").status_code == 200


@pytest.mark.parametrize("header", ["*", '"7", "{version}"'])
def test_a_condition_that_the_current_version_meets_lets_the_change_through(ada: Client, header: str) -> None:
    todo = ada.todo()
    condition = {"If-Match": header.replace("{version}", str(todo["version"]))}

    assert ada.patch(f"/api/todos/{todo['id']}", {"title": "A"}, headers=condition).status_code == 200


@pytest.mark.parametrize("condition", ['"1"', '"1", "2"', 'W/"1"', "*"])
def test_another_users_todo_is_not_found_whatever_the_condition(
    ada: Client, token: Token, condition: str
) -> None:
    path, bob = f"/api/todos/{ada.todo()['id']}", Client(ada.base_url, token())

    assert bob.get(path).status_code == 404
    assert bob.patch(path, {"title": "Mine"}, headers={"If-Match": condition}).status_code == 404


def test_following_the_links_shows_every_todo_once(ada: Client) -> None:
    made = [ada.todo(title=f"Todo {number}", tags=["a&b"])["id"] for number in range(5)]
    seen: list[str] = []
    answer = ada.get("/todos?limit=2&count=true&tag=a%26b")
    while True:
        seen += [todo["id"] for todo in answer.json()]
        assert answer.headers["X-Total-Count"] == "5"
        if "next" not in answer.links:
            break
        link = answer.links["next"]["url"]
        assert link.startswith(f"{ada.base_url}/api/todos?")
        assert parse_qs(urlsplit(link).query)["limit"] == ["2"]
        answer = ada.call("GET", link.removeprefix(ada.base_url))

    assert seen == made[::-1]


def test_the_total_is_counted_only_when_asked_for(ada: Client) -> None:
    ada.todo()

    assert "X-Total-Count" not in ada.get("/api/todos").headers


def test_a_deleted_todo_is_in_the_trash_until_it_is_restored(ada: Client) -> None:
    todo = ada.todo()
    path = f"/api/todos/{todo['id']}"
    deleted = ada.delete(path)
    trash = ada.get("/api/todos/trash").json()
    restored = ada.post(f"{path}/restore")

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [one["id"] for one in trash] == [todo["id"]]
    assert restored.status_code == 200
    assert restored.headers["ETag"] == ada.get(path).headers["ETag"]


def test_all_todos_can_be_deleted_at_once(ada: Client) -> None:
    ada.todo(), ada.todo()

    assert ada.delete("/api/todos").status_code == 204
    assert ada.get("/api/todos").json() == []


def test_a_bulk_call_answers_with_a_result_for_each_operation(ada: Client) -> None:
    todo = ada.todo()
    operations = [{"op": "create", "data": {"title": "Another"}}, {"op": "delete", "id": todo["id"]}]
    answer = ada.post("/api/todos/bulk", {"ops": operations})

    assert answer.status_code == 200, answer.text
    assert len(answer.json()["results"]) == 2


def test_the_numbers_are_the_callers_own(ada: Client) -> None:
    ada.todo()

    assert ada.get("/api/todos/stats").status_code == 200


@pytest.mark.parametrize("body", [[], "text", 1, None])
def test_a_body_that_is_no_object_is_the_services_to_refuse(ada: Client, body: object) -> None:
    answer = ada.call(
        "POST",
        "/api/todos",
        data="null" if body is None else None,
        json=body,
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize("todo_id", ["x", "0" * 24, "%2e%2e", "a" * 4000, "%00", "%F0%9F%98%80"])
def test_an_id_that_is_none_is_not_found(ada: Client, todo_id: str) -> None:
    assert ada.get(f"/api/todos/{todo_id}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/todos/stats", "GET, HEAD, OPTIONS"),
        ("DELETE", "/todos/trash", "GET, HEAD, OPTIONS"),
        ("GET", "/api/todos/bulk", "OPTIONS, POST"),
        ("PUT", "/api/todos/bulk/", "OPTIONS, POST"),
    ],
)
def test_a_path_that_is_spelled_out_is_not_taken_for_an_id(
    ada: Client, method: str, path: str, allowed: str
) -> None:
    answer = ada.call(method, path, json={"title": "x"})

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert ada.call("OPTIONS", path).headers["Allow"] == allowed
