"""Bulk operations applied in memory, without a database."""

from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ValidationFailed
from services.todos import bulk, domain

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IDS = [f"{n:024x}" for n in range(3)]
HELD = {key: domain.create(key, "u", {"title": f"todo {key}"}, NOW).todo for key in IDS[:2]}
NOT_FOUND = {"code": "todo_not_found", "message": "There is no such todo."}
OPS = st.fixed_dictionaries(
    {"op": st.sampled_from(["create", "update", "complete", "delete", "fly"])},
    optional={
        "id": st.sampled_from([*IDS, "x", ""]),
        "title": st.sampled_from(["", "a", "b"]),
        "if_version": st.integers(0, 3),
        "completed": st.booleans(),
        "data": st.fixed_dictionaries({}, optional={"title": st.just("c")}),
    },
)


def run(ops):
    numbers = count(100)
    return bulk.read("u", {"ops": ops}, NOW).run(lambda: f"{next(numbers):024x}", HELD)


@given(st.lists(OPS | st.none() | st.text(max_size=3) | st.integers(), min_size=1, max_size=12))
def test_every_operation_has_a_result_and_every_change_counts_one_version(ops):
    changes, outcomes = run(ops)
    assert len(outcomes) == len(ops)
    assert {outcome.status for outcome in outcomes} <= {200, 201, 204, 404, 412, 422}
    for outcome in outcomes:
        assert (outcome.error is None) == (outcome.status < 300)
    versions = {key: todo.version for key, todo in HELD.items()}
    for change in changes:
        versions[change.todo.id] = versions.get(change.todo.id, 0) + 1
        assert change.todo.version == versions[change.todo.id]


def test_a_batch_may_run_again_with_fresh_todos():
    batch = bulk.read("u", {"ops": [{"op": "delete", "id": IDS[0]}]}, NOW)
    for _ in range(2):
        assert [outcome.status for outcome in batch.run(str, HELD)[1]] == [204]


def test_a_deleted_todo_is_gone_for_the_operations_that_follow():
    ops = [{"op": op, "id": IDS[0]} for op in ("delete", "update", "complete", "delete")]
    assert [outcome.status for outcome in run(ops)[1]] == [204, 404, 404, 404]


def test_a_result_on_the_wire_tells_of_the_todo_or_the_error():
    _, outcomes = run([{"op": "complete", "id": IDS[0]}, {"op": "create"}, {"op": "delete", "id": "x"}])
    done, bad, missing = (bulk.to_wire(outcome, str) for outcome in outcomes)
    assert (done["op"], done["status"], done["todo"]["status"]) == ("complete", 200, "completed")
    assert set(bad["error"]) == {"code", "message", "errors"}
    assert missing == {"op": "delete", "status": 404, "error": NOT_FOUND}


@pytest.mark.parametrize("body", [{"ops": [{}] * 101}, {"ops": []}, {}])
def test_a_body_without_one_to_a_hundred_operations_is_refused(body):
    with pytest.raises(ValidationFailed) as refusal:
        bulk.read("u", body, NOW)
    assert set(refusal.value.details) == {"ops"}
