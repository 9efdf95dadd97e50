"""Jinja filters: how a moment, a device, a status, a field name and a longer text read in a mail."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial

from services.notifications.words import ENGLISH, Words

# The first match wins: Edge and Opera call themselves Chrome, Chrome calls itself Safari.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
_DURATION = re.compile(r"(\d{1,4}) (minute|hour|day)s?")


def moment(value: str, words: Words = ENGLISH) -> str:
    """Return an RFC 3339 time as `22 Nov 2026, 13:45 UTC`; what is no time stays as it is."""
    try:
        parsed = datetime.fromisoformat(value)
        utc = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return value
    day, month = utc.day, words.months[utc.month - 1]
    return words.moment.format(day=day, month=month, year=utc.year, time=f"{utc:%H:%M}")


def duration(value: str, words: Words = ENGLISH) -> str:
    """Return a time such as `2 hours` in the mail's language; anything else stays as it is."""
    parts = _DURATION.fullmatch(value)
    if parts is None:
        return value
    one, several = words.units[parts[2]]
    return f"{parts[1]} {one if int(parts[1]) == 1 else several}"


def device(user_agent: str, words: Words = ENGLISH) -> str:
    """Return a browser's User-Agent as `Firefox on Linux`; others' as they are."""
    browser = _first_named(_BROWSERS, user_agent)
    system = _first_named(_SYSTEMS, user_agent)
    return words.device.format(browser=browser, system=system) if browser and system else user_agent


def label(value: str) -> str:
    """Return a word of the API for people: `in_progress` reads `In progress`."""
    return upper_first(value.replace("_", " ").strip())


def status(value: str, words: Words = ENGLISH) -> str:
    """Return a todo's status for people."""
    return words.statuses.get(value) or label(value)


def priority(value: str, words: Words = ENGLISH) -> str:
    """Return a todo's priority for people: `high` reads `high priority`."""
    return words.priorities.get(value) or words.priority % label(value).lower()


def field_name(value: str, words: Words = ENGLISH) -> str:
    """Return the name of a todo's field as it stands inside a sentence."""
    return words.fields.get(value) or label(value).lower()


def deed(value: str, words: Words = ENGLISH) -> str:
    """Return what became of a todo for people: `deleted` reads `Deleted`."""
    return words.deeds.get(value) or label(value)


def mail_kind(value: str, words: Words = ENGLISH) -> str:
    """Return the name of a kind of mail: `todo_created` reads `Todo created`."""
    return words.kinds.get(value) or label(value)


def upper_first(text: str) -> str:
    """Return the text with its first letter in upper case, the others as they are."""
    return text[:1].upper() + text[1:]


def paragraphs(text: str) -> list[list[str]]:
    """Return the paragraphs of a text, each as its lines."""
    return [block.split("\n") for block in re.split(r"\n\s*\n", text.strip())]


def _first_named(names: dict[str, str], text: str) -> str | None:
    return next((name for mark, name in names.items() if mark in text), None)


def filters_for(words: Words) -> dict[str, Callable[..., object]]:
    """Return all filters by name, in this language."""
    translated = (duration, device, status, priority, field_name, deed)
    plain = {"upper_first": upper_first, "paragraphs": paragraphs}
    remembered = {"moment": lru_cache(maxsize=256)(partial(moment, words=words))}  # a mail says each twice
    return {**plain, **remembered, **{one.__name__: partial(one, words=words) for one in translated}}
