"""Each mail as its reader gets it: subject, text and HTML."""

import re
from typing import Any

import pytest

from common.failures import PermanentFailure
from services.notifications.emails import REQUIRED, TEMPLATES, MissingVariable, UnknownTemplate, render
from services.notifications.rendering import TEMPLATE_FOLDER
from tests.unit.notifications.contexts import PUBLIC_URL, a_todo, full_context

SUBJECTS = {
    "welcome": "Welcome, Ada",
    "welcome_back": "Welcome back, Ada",
    "todo_created": "New todo: Buy milk",
    "todo_updated": "Updated: Buy milk",
    "todo_deleted": "Deleted: Buy milk",
    "todo_reminder": "Reminder: Buy milk",
    "password_reset": "Reset your password",
    "password_changed": "Your password was changed",
    "email_verification": "Confirm your email address",
    "system_alert": "Maintenance tonight",
    "digest": "2 messages from Todos",
}
ALL_REQUIRED = [(template, name) for template in sorted(REQUIRED) for name in sorted(REQUIRED[template])]
TODO_TEMPLATES = ["todo_created", "todo_updated", "todo_deleted", "todo_reminder"]


def rendered(template: str, **changes: Any) -> Any:
    return render(template, full_context(template) | changes, public_url=PUBLIC_URL)


def test_there_are_eleven_mails_and_each_has_its_three_files() -> None:
    files = {"subject.txt", "body.txt", "body.html"}
    assert len(TEMPLATES) == 11
    assert all({file.name for file in (TEMPLATE_FOLDER / kind).iterdir()} == files for kind in TEMPLATES)


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_each_mail_has_a_specific_subject_and_greets_by_name(template: str) -> None:
    mail = rendered(template)
    assert mail.subject == SUBJECTS[template]
    assert mail.text.startswith("Hello Ada,\n")
    assert "Ada" in mail.html


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_each_mail_is_a_whole_html_page_that_leads_to_the_app(template: str) -> None:
    mail = rendered(template)
    assert mail.html.startswith('<!doctype html>\n<html lang="en">')
    assert mail.html.rstrip().endswith("</html>")
    assert f'href="{PUBLIC_URL}/"' in mail.html
    assert f"{PUBLIC_URL}/\n" in mail.text


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_each_mail_can_be_written_from_its_required_variables_alone(template: str) -> None:
    context = {name: value for name, value in full_context(template).items() if name in REQUIRED[template]}
    mail = render(template, context, public_url=PUBLIC_URL)
    assert "None" not in mail.text + mail.html


@pytest.mark.parametrize(("template", "name"), ALL_REQUIRED)
@pytest.mark.parametrize("absent", [True, False], ids=["absent", "null"])
def test_a_missing_required_variable_is_named(template: str, name: str, absent: bool) -> None:
    context = full_context(template)
    if absent:
        del context[name]
    else:
        context[name] = None
    with pytest.raises(MissingVariable) as failure:
        render(template, context, public_url=PUBLIC_URL)
    assert failure.value.reason == "missing_variable"
    assert repr(name) in failure.value.message


@pytest.mark.parametrize("name", ["nothing", "", "../welcome", "layout.html", "welcome\n", "x" * 10_000])
def test_an_unknown_template_is_a_permanent_failure(name: str) -> None:
    with pytest.raises(UnknownTemplate) as failure:
        render(name, full_context("welcome"), public_url=PUBLIC_URL)
    assert failure.value.reason == "unknown_template"
    assert len(failure.value.message) < 120


@pytest.mark.parametrize(
    ("template", "variable", "path"),
    [
        ("welcome", "verification_token", "verify-email"),
        ("email_verification", "verification_token", "verify-email"),
        ("password_reset", "reset_token", "reset-password"),
    ],
)
def test_a_secret_link_ends_in_the_url_encoded_token(template: str, variable: str, path: str) -> None:
    mail = rendered(template, **{variable: "a/b+c=d&e"})
    link = f"{PUBLIC_URL}/{path}?token=a%2Fb%2Bc%3Dd%26e"
    assert f"{link}\n" in mail.text
    assert f'href="{link}"' in mail.html


def test_links_do_not_double_the_slash_of_a_public_url_that_ends_in_one() -> None:
    mail = render("welcome", full_context("welcome"), public_url=f"{PUBLIC_URL}/")
    assert f"{PUBLIC_URL}/verify-email?token=v-token" in mail.text


def test_the_welcome_mail_has_no_verification_link_without_a_token() -> None:
    mail = rendered("welcome", verification_token=None)
    assert "token=" not in mail.text + mail.html
    assert "onfirm" not in mail.text + mail.html


def test_the_welcome_back_mail_says_when_the_device_is_new() -> None:
    known, new = rendered("welcome_back"), rendered("welcome_back", new_device=True)
    assert "new device" not in (known.subject + known.text + known.html).lower()
    assert new.subject == "Welcome back, Ada (new device)"
    assert "NEW DEVICE" in new.text
    assert "New device." in new.html


def test_the_welcome_back_mail_says_when_and_from_where() -> None:
    mail = rendered("welcome_back")
    for part in (mail.text, mail.html):
        assert "22 Nov 2026, 13:45 UTC" in part
        assert "Firefox on Linux" in part
        assert "203.0.113.7" in part


def test_the_welcome_back_mail_leaves_out_what_is_not_known() -> None:
    mail = rendered("welcome_back", ip=None, user_agent=None)
    assert "IP address" not in mail.text + mail.html
    assert "Device" not in mail.text


@pytest.mark.parametrize("template", TODO_TEMPLATES)
def test_a_todo_is_shown_with_its_status_priority_and_due_date(template: str) -> None:
    mail = rendered(template)
    assert "- Buy milk\n  Pending, high priority, due 23 Nov 2026, 08:00 UTC\n" in mail.text
    for fact in ("Buy milk", "Pending", "High priority", "Due 23 Nov 2026, 08:00 UTC"):
        assert fact in mail.html


@pytest.mark.parametrize("template", TODO_TEMPLATES)
def test_a_todo_with_nothing_but_a_title_is_shown(template: str) -> None:
    mail = rendered(template, todos=[{"title": "Buy milk"}])
    assert "- Buy milk\n\n" in mail.text


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        ("todo_created", "3 new todos"),
        ("todo_updated", "3 todos updated"),
        ("todo_deleted", "3 todos deleted"),
        ("todo_reminder", "Reminder: 3 todos"),
    ],
)
def test_several_todos_make_one_mail_that_lists_them_all(template: str, subject: str) -> None:
    mail = rendered(template, todos=[a_todo("One"), a_todo("Two"), a_todo("Three")], count=3)
    assert mail.subject == subject
    assert all(f"- {title}\n" in mail.text and f">{title}<" in mail.html for title in ("One", "Two", "Three"))


def test_a_mail_about_more_todos_than_it_shows_says_how_many_more() -> None:
    mail = rendered("todo_deleted", todos=[a_todo("One"), a_todo("Two")], count=250)
    assert mail.subject == "250 todos deleted"
    assert "- and 248 more\n" in mail.text
    assert "and 248 more" in mail.html


def test_a_mail_shows_at_most_a_hundred_todos() -> None:
    mail = rendered("todo_created", todos=[a_todo(f"Todo {number}") for number in range(101)], count=101)
    assert "- Todo 99\n" in mail.text
    assert "Todo 100" not in mail.text


@pytest.mark.parametrize(("count", "subject"), [(1, "Completed: Buy milk"), (2, "2 todos completed")])
def test_completing_todos_reads_as_completed(count: int, subject: str) -> None:
    mail = rendered("todo_updated", todos=[a_todo(status="completed")] * count, count=count, completed=True)
    assert mail.subject == subject
    assert "completed" in mail.text


def test_an_update_names_the_changed_fields() -> None:
    assert "Changed: title, due date\n" in rendered("todo_updated").text
    assert "Changed: restored\n" in rendered("todo_updated", changes=["restored"]).text
    assert "Changed:" not in rendered("todo_updated", changes=[]).text


def test_a_system_alert_keeps_its_paragraphs() -> None:
    mail = rendered("system_alert", message="One\nTwo\n\nThree")
    assert "One\nTwo\n\nThree\n" in mail.text
    assert "One<br>Two</p>" in mail.html


def test_a_password_reset_says_how_long_the_link_works() -> None:
    mail = rendered("password_reset")
    assert "within 1 hour" in mail.text
    assert "1 hour" in mail.html


@pytest.mark.parametrize("locale", ["en", "fr", "fr-CA", "../..", "", "xx/../welcome", None, 5])
def test_a_locale_without_a_translation_falls_back_to_english(locale: str) -> None:
    mail = render("welcome", full_context("welcome"), public_url=PUBLIC_URL, locale=locale)
    assert mail.subject == "Welcome, Ada"
    assert 'lang="en"' in mail.html


def test_extra_variables_can_not_replace_what_a_mail_links_to() -> None:
    mail = rendered("welcome", app_url="https://evil.example/", verify_url="https://evil.example/", extra=1)
    assert "evil" not in mail.text + mail.html


def test_every_rendering_failure_is_permanent() -> None:
    assert issubclass(UnknownTemplate, PermanentFailure)
    assert issubclass(MissingVariable, PermanentFailure)


MIXED = [
    a_todo("Buy milk", change="created"), a_todo("Sell cow", change="deleted"),
    a_todo("Milk cow", change="completed", status="completed"), a_todo("Mow", change="updated"),
]  # fmt: skip


def test_a_mail_about_several_kinds_of_change_tells_by_todo_what_became_of_it() -> None:
    changes = ["created", "deleted", "status", "order"]
    mail = rendered("todo_updated", todos=MIXED, count=4, changes=changes)
    for title, word in (("Buy milk", "Created"), ("Sell cow", "Deleted"), ("Milk cow", "Completed")):
        assert f"- {word}: {title}\n" in mail.text
        assert re.search(rf"{title}</div>\s*<div[^>]*>\s*<span[^>]*>{word}</span>", mail.html)
    assert "Changed: status, order\n" in mail.text
    assert "Changed: status, order" in mail.html


def test_a_mail_about_new_and_deleted_todos_alone_names_no_fields() -> None:
    mail = rendered("todo_updated", todos=MIXED[:2], count=2, changes=["created", "deleted"])
    assert "Changed:" not in mail.text + mail.html
