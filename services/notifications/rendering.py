"""The Jinja environments of the mails, one a language, and the three files of a template made into text."""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from common.failures import PermanentFailure
from common.locales import DEFAULT_LOCALE, language_of
from services.notifications.filters import filters_for
from services.notifications.values import cut, one_line
from services.notifications.words import WORDS, Words

TEMPLATE_FOLDER = Path(__file__).parent / "templates"
MAX_SUBJECT = 150
_MANY_EMPTY = re.compile(r"\n{3,}")
_PARTS = ("subject.txt", "body.txt", "body.html")


def render_parts(template: str, values: Mapping[str, object], locale: object) -> tuple[str, str, str]:
    """Return a template's subject (one line), text and HTML, in the locale's language if it has this mail."""
    subject, text, html = _rendered(template, _PARTS, values, locale)
    return cut(one_line(subject), MAX_SUBJECT), _tidy(text), html.strip() + "\n"


def render_subject(template: str, values: Mapping[str, object], locale: object) -> str:
    """Return a template's subject alone, on one line."""
    return cut(one_line(_rendered(template, ("subject.txt",), values, locale)[0]), MAX_SUBJECT)


def words_for(locale: object) -> Words:
    """Return the words of the locale's language."""
    return WORDS[language_of(locale)]


def _rendered(template: str, parts: Sequence[str], values: Mapping[str, object], locale: object) -> list[str]:
    language = language_of(locale)
    try:
        return [part.render(values) for part in _templates(language, template, tuple(parts))]
    except Exception as error:  # whichever way a template breaks, it breaks at every attempt
        detail = f"{template} ({language}) failed: {type(error).__name__}"
        raise PermanentFailure("template_error", detail) from error


@cache
def _templates(language: str, template: str, parts: tuple[str, ...]) -> list[Template]:
    if not (TEMPLATE_FOLDER / language / template).is_dir():
        language = DEFAULT_LOCALE
    return [_ENVIRONMENTS[language].get_template(f"{template}/{part}") for part in parts]


def _tidy(text: str) -> str:
    """Parts that are left out leave empty lines behind: keep one between paragraphs."""
    lines = "\n".join([line.rstrip() for line in text.strip().split("\n")])
    return _MANY_EMPTY.sub("\n\n", lines) + "\n"


class _Environment(Environment):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._loaded: dict[Any, Template] = {}

    def get_template(
        self, name: Any, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        """Jinja's own cache, which forgets what is used least, takes longer; templates do not change."""
        if name not in self._loaded:
            self._loaded[name] = super().get_template(name, parent, globals)
        return self._loaded[name]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A value's own field first: Jinja looks whether a dictionary has an attribute of that name."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """A plain dictionary: Jinja's own is a chain of two, which each rendering walks several times."""
        return {**self.globals, **(d or {})}


def _environment(words: Words) -> Environment:
    # English lies in the folder itself: what a language has no file of its own for (the layout) is there.
    environment = _Environment(
        loader=FileSystemLoader([TEMPLATE_FOLDER / words.language, TEMPLATE_FOLDER]),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(filters_for(words))
    environment.globals["words"] = words
    return environment


_ENVIRONMENTS = {language: _environment(words) for language, words in WORDS.items()}
