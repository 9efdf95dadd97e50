"""What somebody may put into a context: markup, line breaks, wrong types, anything that JSON can spell."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common.failures import PermanentFailure
from services.notifications.emails import OPTIONAL, REQUIRED, TEMPLATES, build_message, render
from services.notifications.rendering import MAX_SUBJECT
from tests.unit.notifications.contexts import PUBLIC_URL, a_mail, a_todo, full_context

SCRIPT = "<script>alert('x')</script>"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
VARIABLE_NAMES = sorted(set().union(*REQUIRED.values(), *OPTIONAL.values()))


def rendered(template: str, **changes: Any) -> Any:
    return render(template, full_context(template) | changes, public_url=PUBLIC_URL)


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_no_value_gets_into_the_html_as_markup(template: str) -> None:
    context = {
        name: SCRIPT if isinstance(value, str) else value for name, value in full_context(template).items()
    }
    if "todos" in context:
        context["todos"] = [dict.fromkeys(a_todo(), SCRIPT)]
    if "mails" in context:
        context["mails"] = [a_mail(title=SCRIPT), {"template": SCRIPT, "at": SCRIPT, "context": SCRIPT}]
    mail = render(template, context, public_url=PUBLIC_URL)
    assert "<script" not in mail.html
    assert "&lt;script&gt;" in mail.html


def test_a_title_reads_in_the_text_and_the_subject_as_it_was_written() -> None:
    mail = rendered("todo_created", todos=[a_todo("Tom & Jerry's <list>")])
    assert "- Tom & Jerry's <list>\n" in mail.text
    assert mail.subject == "New todo: Tom & Jerry's <list>"
    assert "Tom &amp; Jerry&#39;s &lt;list&gt;" in mail.html


def test_a_value_can_not_break_out_of_an_attribute() -> None:
    mail = rendered("welcome", verification_token='"><img src=x onerror=alert(1)>', name='" onload="x')
    assert "<img" not in mail.html
    assert 'onload="' not in mail.html


@pytest.mark.parametrize(
    "breaks", ["\r\nBcc: eve@example.com", "\n\nBody", "\x0bBcc: x", "\u2028Bcc", "\x85x", "\x00"]
)
def test_a_subject_stays_on_one_line(breaks: str) -> None:
    subject = rendered("todo_created", todos=[a_todo(f"Buy{breaks}")]).subject
    assert subject.isprintable()
    assert subject.startswith("New todo: Buy")


def test_a_title_can_not_fake_a_paragraph_of_the_text() -> None:
    mail = rendered("todo_created", todos=[a_todo("Buy\n\nYour account is locked, call 123")])
    assert "- Buy Your account is locked, call 123\n" in mail.text


def test_a_long_subject_is_cut() -> None:
    subject = rendered("todo_created", todos=[a_todo("x" * 200)]).subject
    assert len(subject) == MAX_SUBJECT
    assert subject.endswith("…")


def test_marks_that_turn_the_direction_of_text_are_removed() -> None:
    assert "\u202e" not in rendered("todo_created", todos=[a_todo("invoice\u202efdp.exe")]).text


def test_a_joined_emoji_stays_whole() -> None:
    family = "👩\u200d👩\u200d👧"
    assert family in rendered("todo_created", todos=[a_todo(family)]).subject


def test_a_time_that_is_none_is_shown_as_it_came() -> None:
    assert "due soon" in rendered("todo_created", todos=[a_todo(due_at="soon")]).text


@pytest.mark.parametrize(
    ("template", "variable", "value"),
    [
        ("todo_created", "todos", "Buy milk"),
        ("todo_created", "todos", []),
        ("todo_created", "todos", {"title": "Buy milk"}),
        ("todo_created", "todos", ["Buy milk"]),
        ("todo_created", "todos", [{"status": "pending"}]),
        ("todo_created", "todos", [{"title": {"en": "Buy milk"}}]),
        ("todo_created", "todos", [{"title": "Buy milk", "due_at": []}]),
        ("todo_created", "count", "three"),
        ("todo_created", "count", -1),
        ("todo_created", "count", True),
        ("todo_updated", "changes", "title"),
        ("todo_updated", "changes", [["title"]]),
        ("todo_updated", "completed", "yes"),
        ("welcome", "name", ["Ada"]),
        ("welcome", "name", True),
        ("welcome", "verification_token", 5),
        ("password_reset", "reset_token", " "),
        ("system_alert", "message", {"text": "x"}),
    ],
)
def test_a_value_of_a_wrong_type_is_a_permanent_failure(template: str, variable: str, value: Any) -> None:
    with pytest.raises(PermanentFailure) as failure:
        rendered(template, **{variable: value})
    assert failure.value.reason == "invalid_variable"
    assert failure.value.message.startswith(f"{variable} must be ") or variable == "todos"


@pytest.mark.parametrize("context", [None, [], "name", 5])
def test_a_context_that_is_no_object_is_a_permanent_failure(context: Any) -> None:
    with pytest.raises(PermanentFailure):
        render("welcome", context, public_url=PUBLIC_URL)


def test_numbers_are_shown_where_text_is_asked_for() -> None:
    assert "Hello 42," in rendered("welcome", name=42).text


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    template=st.sampled_from(sorted(TEMPLATES)),
    changes=st.dictionaries(st.sampled_from(VARIABLE_NAMES), JSON),
)
@example(template="welcome", changes={"name": "\ud800", "email": "\x00", "verification_token": "\udfff"})
@example(template="todo_created", changes={"todos": [{"title": "\ud800"}], "count": 10**400})
@example(template="system_alert", changes={"title": "", "message": float("nan"), "name": 10**5000})
def test_any_json_context_makes_a_mail_or_a_permanent_failure(template: str, changes: dict[str, Any]) -> None:
    try:
        mail = rendered(template, **changes)
    except PermanentFailure:
        return
    message = build_message(mail, message_id="m-1", sender="a@example.com", recipient="b@example.com")
    assert message.payload.isascii()
    assert not {unicodedata.category(character) for character in mail.subject} & {"Cc", "Cs", "Zl", "Zp"}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(document=JSON)
def test_any_json_document_in_place_of_a_context_is_survived(document: Any) -> None:
    with pytest.raises(PermanentFailure):
        render("welcome", json.loads(json.dumps(document)), public_url=PUBLIC_URL)
