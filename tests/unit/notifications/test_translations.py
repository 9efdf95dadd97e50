"""German mails: all of them, of the same variables as the English ones, and nothing English left in them."""

import re
from dataclasses import fields
from typing import Any

import pytest
from jinja2 import Environment, meta

from common.locales import LANGUAGES
from common.mail_kinds import KINDS, PREFERENCE_FOR, TEMPLATES
from services.notifications.emails import OPTIONAL, REQUIRED, RenderedEmail, render
from services.notifications.filters import (
    device,
    duration,
    field_name,
    filters_for,
    mail_kind,
    moment,
    priority,
    status,
)
from services.notifications.rendering import TEMPLATE_FOLDER
from services.notifications.samples import sample_context
from services.notifications.words import ENGLISH, GERMAN, WORDS
from tests.unit.notifications.contexts import PUBLIC_URL, a_mail, a_todo, full_context

PARTS = ("subject.txt", "body.txt", "body.html")
TRANSLATED = [language for language in LANGUAGES if language != "en"]
LINK = f"{PUBLIC_URL}/unsubscribe?token=t"
SUBJECTS = {
    "welcome": "Willkommen, Ada",
    "welcome_back": "Willkommen zurück, Ada",
    "todo_created": "Neue Aufgabe: Buy milk",
    "todo_updated": "Geändert: Buy milk",
    "todo_deleted": "Gelöscht: Buy milk",
    "todo_reminder": "Erinnerung: Buy milk",
    "password_reset": "Passwort zurücksetzen",
    "password_changed": "Dein Passwort wurde geändert",
    "email_verification": "Bestätige deine E-Mail-Adresse",
    "system_alert": "Maintenance tonight",
    "digest": "2 Nachrichten von Todos",
}
ENGLISH_WORDS = re.compile(
    r"\b(you|your|the|this|hello|password|because|open|confirm|changed|done|high|pending|todo|UTC,|new)\b",
    re.I,
)


def german(template: str, locale: str = "de", **changes: Any) -> RenderedEmail:
    context = full_context(template) | changes
    return render(template, context, public_url=PUBLIC_URL, locale=locale)


def variables_of(folder: str, part: str) -> set[str]:
    environment = Environment()
    environment.filters.update(filters_for(ENGLISH))
    return meta.find_undeclared_variables(environment.parse((TEMPLATE_FOLDER / folder / part).read_text()))


def test_the_languages_of_the_mails_are_those_of_the_suite() -> None:
    assert set(WORDS) == set(LANGUAGES)
    assert all(words.language == language for language, words in WORDS.items())


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("template", KINDS)
def test_a_translated_mail_has_the_files_and_the_variables_of_the_english_one(
    template: str, language: str
) -> None:
    folder = f"{language}/{template}"
    assert {file.name for file in (TEMPLATE_FOLDER / folder).iterdir()} == set(PARTS)
    for part in PARTS:
        assert variables_of(folder, part) == variables_of(template, part), part


@pytest.mark.parametrize("language", TRANSLATED)
def test_there_is_no_translation_of_a_mail_that_there_is_not(language: str) -> None:
    folders = {path.name for path in (TEMPLATE_FOLDER / language).iterdir() if path.is_dir()}
    assert folders == set(KINDS)


def test_a_language_has_every_word_and_the_same_places_for_values_in_it() -> None:
    assert len(GERMAN.months) == len(ENGLISH.months) == 12
    assert set(GERMAN.units) == set(ENGLISH.units)
    for field in fields(ENGLISH):
        english, words = getattr(ENGLISH, field.name), getattr(GERMAN, field.name)
        places = [sorted(re.findall(r"{\w+}|%[sd]", str(one))) for one in (english, words)]
        assert places[0] == places[1], field.name


@pytest.mark.parametrize("template", KINDS)
def test_a_german_mail_is_german_from_subject_to_footer(template: str) -> None:
    mail = german(template)
    assert mail.subject == SUBJECTS[template]
    assert mail.text.startswith("Hallo Ada,\n")
    assert '<html lang="de">' in mail.html
    assert "Ada" in mail.html
    context = full_context(template)
    given = f"{context.get('title')} {context.get('message')} Buy milk"
    read = re.sub(r"\S+://\S+|\S+@\S+", " ", f"{mail.subject}\n{mail.text}")
    left = set(ENGLISH_WORDS.findall(read)) - set(ENGLISH_WORDS.findall(given))
    assert left == set()


@pytest.mark.parametrize("template", KINDS)
def test_a_german_mail_can_be_written_from_its_required_variables_alone(template: str) -> None:
    context = {name: value for name, value in full_context(template).items() if name in REQUIRED[template]}
    mail = render(template, context, public_url=PUBLIC_URL, locale="de")
    assert "None" not in mail.text + mail.html


def test_a_german_mail_tells_by_todo_what_became_of_it() -> None:
    words = {"created": "Angelegt", "updated": "Geändert", "completed": "Erledigt", "deleted": "Gelöscht"}
    todos = [a_todo(f"Nr. {word}", change=word) for word in words]
    mail = german("todo_updated", todos=todos, count=4, changes=["created", "deleted", "title"])
    for word, shown in words.items():
        assert f"- {shown}: Nr. {word}\n" in mail.text
        assert f">{shown}</span>" in mail.html
    assert "Geändert: Titel\n" in mail.text
    assert "Geändert: wiederhergestellt\n" in german("todo_updated", changes=["restored"]).text


def test_german_mails_about_several_todos_read_as_such() -> None:
    todos = [a_todo("Eins"), a_todo("Zwei", status="completed", priority="low", due_at=None)]
    created = german("todo_created", todos=todos, count=5)
    completed = german("todo_updated", todos=todos, count=5, completed=True)
    assert created.subject == "5 neue Aufgaben"
    assert "- Eins\n  Offen, hohe Priorität, fällig am 23. November 2026, 08:00 Uhr (UTC)\n" in created.text
    assert "- Zwei\n  Erledigt, niedrige Priorität\n" in created.text
    assert "- und 3 weitere\n" in created.text
    assert "Hohe Priorität" in created.html
    assert "Fällig am 23. November 2026, 08:00 Uhr (UTC)" in created.html
    assert completed.subject == "5 Aufgaben erledigt"
    assert "Diese Aufgaben sind erledigt." in completed.text


def test_a_german_update_names_the_changed_fields() -> None:
    assert "Geändert: Titel, Fälligkeit\n" in german("todo_updated").text


def test_a_german_welcome_back_mail_says_when_the_device_is_new() -> None:
    known, new = german("welcome_back"), german("welcome_back", new_device=True)
    assert "neues gerät" not in (known.subject + known.text + known.html).lower()
    assert new.subject == "Willkommen zurück, Ada (neues Gerät)"
    assert "NEUES GERÄT" in new.text
    assert "Firefox auf Linux" in new.text


def test_the_lines_of_a_german_digest_are_german() -> None:
    broken = {"template": "todo_deleted", "at": "2026-11-22T13:45:00Z", "context": {"todos": 5}}
    mail = german("digest", mails=[a_mail("todo_reminder"), broken, a_mail("todo_updated", count=3)])
    assert mail.subject == "3 Nachrichten von Todos"
    when = "(22. November 2026, 13:45 Uhr (UTC))"
    for title in ("Erinnerung: Buy milk", "Aufgabe gelöscht", "3 Aufgaben geändert"):
        assert f"- {title} {when}\n" in mail.text
        assert f">{title}</div>" in mail.html


def test_every_kind_of_mail_has_a_name_for_a_digest_in_each_language() -> None:
    assert set(GERMAN.kinds) == set(KINDS)
    assert [mail_kind("todo_created", words) for words in (ENGLISH, GERMAN)] == [
        "Todo created", "Aufgabe angelegt",
    ]  # fmt: skip


def test_a_region_is_served_in_its_language() -> None:
    assert german("welcome", locale="de-AT").subject == "Willkommen, Ada"


def test_values_are_escaped_in_german_as_well() -> None:
    mail = german(
        "todo_created", name="<b>Ada", todos=[{"title": "<i>x", "priority": "<u>y", "due_at": "<s>"}]
    )
    for part in ("&lt;b&gt;Ada", "&lt;i&gt;x", "&lt;u&gt;y", "fällig am &lt;s&gt;".capitalize()):
        assert part in mail.html


def test_words_of_the_api_read_in_each_language() -> None:
    assert moment("2026-03-01T09:05:00Z", GERMAN) == "1. März 2026, 09:05 Uhr (UTC)"
    assert device("Mozilla/5.0 (iPhone) Safari/604.1", GERMAN) == "Safari auf iPhone"
    assert (status("in_progress"), status("in_progress", GERMAN)) == ("In progress", "In Arbeit")
    assert (priority("high"), priority("high", GERMAN)) == ("high priority", "hohe Priorität")
    assert (field_name("due_at"), field_name("tags", GERMAN)) == ("due date", "Schlagwörter")
    assert (status("on_hold", GERMAN), priority("on_fire", GERMAN)) == ("On hold", "Priorität: on fire")


@pytest.mark.parametrize(
    ("given", "english", "translated"),
    [
        ("1 hour", "1 hour", "1 Stunde"), ("2 hours", "2 hours", "2 Stunden"),
        ("30 minutes", "30 minutes", "30 Minuten"), ("1 day", "1 day", "1 Tag"),
        ("7 days", "7 days", "7 Tage"), ("an hour", "an hour", "an hour"), ("", "", ""),
        ("3600", "3600", "3600"),
    ],
)  # fmt: skip
def test_a_time_span_reads_in_each_language_and_what_is_none_stays(
    given: str, english: str, translated: str
) -> None:
    assert (duration(given), duration(given, GERMAN)) == (english, translated)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", KINDS)
def test_the_footer_has_the_link_to_unsubscribe_if_there_is_one(template: str, language: str) -> None:
    context = full_context(template)
    plain = render(template, context, public_url=PUBLIC_URL, locale=language)
    chatter = render(template, context, public_url=PUBLIC_URL, locale=language, unsubscribe_url=LINK)
    words = WORDS[language].unsubscribe
    assert "unsubscribe" not in plain.text + plain.html
    assert chatter.text.endswith(f"{words}:\n{LINK}\n")
    assert f'<a href="{LINK}" style="color:#526070;">{words}</a>' in chatter.html


@pytest.mark.parametrize("template", KINDS)
def test_there_is_sample_data_for_every_variable_of_every_mail(template: str) -> None:
    sample = sample_context(template)
    assert sample.keys() | {"count"} == REQUIRED[template] | OPTIONAL[template] | {"count"}
    assert render(template, sample, public_url=PUBLIC_URL, locale="de").subject


def test_what_can_be_switched_off_is_a_mail() -> None:
    assert set(PREFERENCE_FOR) < set(TEMPLATES)
