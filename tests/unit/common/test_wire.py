"""A process of the version before understands what this one says, and is understood."""

import copy
import json
from typing import Any

import pytest

from tests.suite import ROOT
from tests.wire import breaks, text, wire

BEFORE = json.loads((ROOT / "tests/wire_before.json").read_text())


def test_nothing_that_the_version_before_says_or_hears_has_gone_or_is_new_and_needed() -> None:
    assert breaks(BEFORE, wire()) == []


def test_what_is_kept_for_the_version_after_can_be_read_again() -> None:
    assert json.loads(text(wire())) == wire()


@pytest.mark.parametrize(
    ("kind", "name", "change", "told"),
    [
        ("events", "users.user_deleted", {"fields": []}, "has no user_id for sure"),
        ("events", "users.user_deleted", {"fields": ["user_id", "reason"]}, "wants reason"),
        ("methods", "users.end_session", {"required": []}, "does not take session_id"),
        ("methods", "users.end_session", {"required": ["session_id", "why"]}, "wants why"),
    ],
)
def test_a_change_that_breaks_is_noticed(kind: str, name: str, change: dict[str, Any], told: str) -> None:
    now = copy.deepcopy(BEFORE)
    now[kind][name] |= change
    assert breaks(BEFORE, now) == [f"{name} {told}"]


def test_a_method_that_is_gone_is_noticed() -> None:
    now = copy.deepcopy(BEFORE)
    del now["methods"]["users.end_session"]
    assert breaks(BEFORE, now) == ["users.end_session is gone"]
