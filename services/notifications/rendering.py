"""The Jinja environment of the mails, and the three files of a template made into text."""

import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from common.failures import PermanentFailure
from services.notifications.filters import FILTERS
from services.notifications.values import cut, one_line

TEMPLATE_FOLDER = Path(__file__).parent / "templates"
DEFAULT_LOCALE = "en"
MAX_SUBJECT = 150
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")


def render_parts(template: str, values: Mapping[str, object], locale: str) -> tuple[str, str, str]:
    """Return a template's subject (one line), text and HTML, in the locale where it is translated."""
    language = language_of(template, locale)
    folder = template if language == DEFAULT_LOCALE else f"{language}/{template}"
    variables = {**values, "language": language}
    try:
        subject, text, html = (
            _ENVIRONMENT.get_template(f"{folder}/{part}").render(variables)
            for part in ("subject.txt", "body.txt", "body.html")
        )
    except Exception as error:  # whichever way a template breaks, it breaks at every attempt
        raise PermanentFailure("template_error", f"{folder} failed: {type(error).__name__}") from error
    return cut(one_line(subject), MAX_SUBJECT), _tidy(text), html.strip() + "\n"


def language_of(template: str, locale: str) -> str:
    """Return the locale, else its language, else English: the first that has this mail."""
    candidates = (locale, locale.partition("-")[0]) if _LOCALE.fullmatch(locale) else ()
    translated = (name for name in candidates if (TEMPLATE_FOLDER / name / template).is_dir())
    return next(translated, DEFAULT_LOCALE)


def _tidy(text: str) -> str:
    """Parts that are left out leave empty lines behind: keep one between paragraphs."""
    lines = "\n".join(line.rstrip() for line in text.strip().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines) + "\n"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(FILTERS)
    return environment


_ENVIRONMENT = _environment()
