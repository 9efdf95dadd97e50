"""Languages: how a user's locale is written, and which ones the suite speaks.

A locale is a language tag (BCP 47) of a language, and optionally a script and a region: ``de``,
``de-AT``, ``zh-Hant-TW``. Any such tag can be a user's; where nothing is translated into it, its parts
are left out from the end (``de-AT``, ``de``), and then it is English (lookup, RFC 4647).
"""

import re
from collections.abc import Iterable

DEFAULT_LOCALE = "en"
LANGUAGES = (DEFAULT_LOCALE, "de")
"""What the suite speaks."""

_SPOKEN = {language.lower(): language for language in LANGUAGES}
TAG = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?")


def read_locale(text: str) -> str:
    """The tag in its usual spelling (``DE-at`` is ``de-AT``); ValueError for what is none."""
    parts = TAG.fullmatch(text)
    if parts is None:
        raise ValueError("Not a language tag, such as en, de or de-AT.")
    language, script, region = parts.groups()
    spelled = (language.lower(), script and script.title(), region and region.upper())
    return "-".join(part for part in spelled if part)


def language_of(locale: object) -> str:
    """The language that the suite speaks to someone with that locale; English for anything else."""
    return first_spoken([locale] if isinstance(locale, str) else [])


def first_spoken(tags: Iterable[str]) -> str:
    """The language for the first of these tags that the suite speaks; English if it speaks none."""
    return next((language for tag in tags if (language := _lookup(tag.lower()))), DEFAULT_LOCALE)


def _lookup(tag: str) -> str | None:
    while tag and tag not in _SPOKEN:
        tag = tag.rpartition("-")[0]
    return _SPOKEN.get(tag)
