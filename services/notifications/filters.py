"""Jinja filters: how a moment, a device, a field name and a longer text read in a mail."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

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


def moment(value: str) -> str:
    """Return an RFC 3339 time as `22 Nov 2026, 13:45 UTC`; what is no time stays as it is."""
    try:
        parsed = datetime.fromisoformat(value)
        utc = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return value
    return f"{utc.day} {utc:%b %Y, %H:%M} UTC"


def device(user_agent: str) -> str:
    """Return a browser's User-Agent as `Firefox on Linux`; others' as they are."""
    browser = _first_named(_BROWSERS, user_agent)
    system = _first_named(_SYSTEMS, user_agent)
    return f"{browser} on {system}" if browser and system else user_agent


def label(value: str) -> str:
    """Return a field's or a status's word for people: `in_progress` reads `In progress`."""
    words = value.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def paragraphs(text: str) -> list[list[str]]:
    """Return the paragraphs of a text, each as its lines."""
    return [block.split("\n") for block in re.split(r"\n\s*\n", text.strip())]


def _first_named(names: dict[str, str], text: str) -> str | None:
    return next((name for mark, name in names.items() if mark in text), None)


FILTERS: dict[str, Callable[..., object]] = {
    "moment": moment,
    "device": device,
    "label": label,
    "paragraphs": paragraphs,
}
