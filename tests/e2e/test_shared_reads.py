"""One person in several windows: what is read together shows each what they have just done themselves."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.collector import Collector
from tests.e2e.client import Client
from tests.e2e.test_metrics import total
from tests.e2e.test_traces import begin
from tests.suite import Suite

Eventually = Callable[[Callable[[], bool]], None]


def shared(suite: Suite) -> float:
    """How many reads were answered by another's call so far."""
    return total(suite, "gateway", "suite_rpc_calls_shared_total", target="todos")


def test_each_window_sees_its_own_last_change_however_many_read_at_once(ada: Client) -> None:
    def window(number: int) -> list[Any]:
        seen = []
        for turn in range(6):
            made = ada.post("/api/todos", {"title": f"{number} {turn}"}).json()
            path = f"/api/todos/{made['id']}"
            listed = ada.get("/api/todos?limit=100").json()
            seen.append(made["id"] in [todo["id"] for todo in listed])
            ada.patch(path, {"status": "completed"})
            seen.append(ada.get(path).json()["status"] == "completed")
            assert ada.delete(path).status_code == 204
            listed = ada.get("/api/todos?limit=100").json()
            seen.append(made["id"] not in [todo["id"] for todo in listed])
            seen.append(ada.get(path).status_code == 404)
        return seen

    with ThreadPoolExecutor(8) as pool:
        assert [all(seen) for seen in pool.map(window, range(8))] == [True] * 8


def test_who_reads_at_once_shares_calls_and_each_answer_is_as_if_alone(ada: Client, suite: Suite) -> None:
    todo = ada.post("/api/todos", {"title": "Shared"}).json()
    alone = ada.get("/api/todos")
    before = shared(suite)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ada.get("/api/todos"), range(120)))
    assert shared(suite) > before
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json() for answer in answers] == [alone.json()] * 120
    assert todo in alone.json()
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 120


def test_each_request_whose_trace_is_recorded_is_shown_down_to_the_database(
    ada: Client, collector: Collector, eventually: Eventually
) -> None:
    traces = [begin() for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda trace: ada.get("/api/todos", headers=trace[2]), traces))

    def shown(trace_id: str) -> bool:
        return any(one.service == "todos" and one.name == "mongodb" for one in collector.of(trace_id))

    eventually(lambda: all(shown(trace_id) for trace_id, _, _ in traces))
