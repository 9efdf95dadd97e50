"""What is held comes together in one mail that names each, whatever somebody has put into it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from common.mail_kinds import TEMPLATES, URGENT
from services.messaging.digests import digest_of
from services.notifications.emails import render
from tests.unit.notifications.contexts import full_context

LIMITED = [template for template in TEMPLATES if template not in URGENT]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def message(template: str, context: Any) -> dict[str, Any]:
    return {"_id": "m", "template": template, "context": context, "created_at": NOON}


def text_of(*messages: dict[str, Any]) -> str:
    context = json.loads(json.dumps(digest_of(messages)))
    return render("digest", context, public_url="https://todos.example.com").text


@pytest.mark.parametrize("template", LIMITED)
def test_a_gathered_mail_is_named_by_its_own_subject_and_its_time(template: str) -> None:
    alone = render(template, full_context(template), public_url="https://x")
    subject = alone.subject.removesuffix(", Ada")
    assert f"- {subject} (22 Nov 2026, 12:00 UTC)\n" in text_of(message(template, full_context(template)))


def test_a_digest_greets_by_name_and_keeps_the_order() -> None:
    titles = [f"todo {number}." for number in range(30)]
    messages = [message("todo_created", {"name": "Ada", "todos": [{"title": title}]}) for title in titles]
    text = text_of(*messages)
    assert text.startswith("Hello Ada,")
    assert [line[2:].split(" (")[0] for line in text.splitlines() if line.startswith("- ")] == [
        f"New todo: {title}" for title in titles
    ]


def test_what_a_title_needs_is_all_that_is_taken_along() -> None:
    todos = [{"title": "x" * 5000, "description": "secret"}] * 50
    digest = digest_of([message("todo_deleted", {"name": "Ada", "todos": todos, "token": "sesame"})] * 500)
    assert len(json.dumps(digest)) < 500 * 600
    assert "sesame" not in json.dumps(digest)
    assert "50 todos deleted" in text_of(message("todo_deleted", {"todos": todos}))
    assert "Welcome back (new device)" in text_of(message("welcome_back", {"new_device": True}))


@pytest.mark.parametrize(
    "context", [{}, {"todos": 5}, {"todos": []}, {"todos": [5]}, {"todos": [{}], "count": "x"}, {"name": 5}]
)
def test_a_context_of_any_shape_costs_the_others_nothing(context: dict[str, Any]) -> None:
    text = text_of(message("todo_created", context), message("todo_updated", {"todos": [{"title": "Tea"}]}))
    assert "- Todo created (" in text or "- New todo: (no title) (" in text
    assert "- Updated: Tea (" in text
