"""What a mail may show: every value of a context checked, cleaned and cut, by the variable's name.

A context is JSON that somebody posted, so any shape can arrive. What can't be shown
raises `InvalidVariable`; a template sees only plain text, flags, counts and todos.
"""

import re
from collections.abc import Callable, Mapping

from common.failures import PermanentFailure

MAX_TODOS = 100
MAX_MAILS = 500
_MAX_NAME = 100
_MAX_LINE = 300
_MAX_TEXT = 20_000
_TODO_FACTS = ("status", "priority", "due_at", "id", "change")

# Controls, and the marks that turn the direction of text: they can make a line read as another.
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


class InvalidVariable(PermanentFailure):
    """A variable of a mail has a value of a wrong type."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__("invalid_variable", f"{name} must be {expected}")


def one_line(text: str) -> str:
    """Return `text` on one line, without control characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # as most are
    return _UNSHOWN.sub("", " ".join(_encodable(text).split())).strip()


def cut(text: str, length: int) -> str:
    """Return at most `length` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def read(context: Mapping[str, object], variable: str) -> object:
    """Return the variable as a template shows it; what is absent or null is None."""
    value = context.get(variable)
    return None if value is None else _READERS.get(variable, _line)(variable, value)


def _encodable(text: str) -> str:
    """JSON can spell half a surrogate pair, which no mail can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(variable: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InvalidVariable(variable, "text")
    try:
        return str(value)
    except ValueError as error:  # Python writes no integer of more than 4300 digits
        raise InvalidVariable(variable, "text") from error


def _line(variable: str, value: object) -> str:
    return cut(one_line(_plain(variable, value)), _MAX_LINE)


def _name(variable: str, value: object) -> str:
    return cut(_line(variable, value), _MAX_NAME)


def _text(variable: str, value: object) -> str:
    lines = _encodable(_plain(variable, value)).replace("\r\n", "\n").replace("\r", "\n")
    return cut(_UNSHOWN.sub("", lines).strip(), _MAX_TEXT)


def _token(variable: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidVariable(variable, "a token")
    return _encodable(value.strip())


def _flag(variable: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidVariable(variable, "true or false")
    return value


def _count(variable: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**9:
        raise InvalidVariable(variable, "a whole number")
    return value


def _lines(variable: str, value: object) -> list[str]:
    if not isinstance(value, list):
        raise InvalidVariable(variable, "a list")
    return [_line(variable, item) for item in value[:MAX_TODOS]]


def _todos(variable: str, value: object) -> list[dict[str, str | None]]:
    if not isinstance(value, list) or not value:
        raise InvalidVariable(variable, "a list of at least one todo")
    return [_todo(variable, item) for item in value[:MAX_TODOS]]


def _todo(variable: str, item: object) -> dict[str, str | None]:
    if not isinstance(item, Mapping) or item.get("title") is None:
        raise InvalidVariable(variable, "a list of todos, each with a title")
    facts = {fact: item.get(fact) for fact in _TODO_FACTS}
    shown = {fact: None if value is None else _line(fact, value) for fact, value in facts.items()}
    return {"title": _line("title", item["title"]) or "(no title)", **shown}


def _mails(variable: str, value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not value:
        raise InvalidVariable(variable, "a list of at least one mail")
    return [_mail(variable, item) for item in value[:MAX_MAILS]]


def _mail(variable: str, item: object) -> dict[str, object]:
    if not isinstance(item, Mapping) or item.get("template") is None:
        raise InvalidVariable(variable, "a list of mails, each with its template")
    at = item.get("at")
    shown = {"template": _line("template", item["template"]), "at": None if at is None else _line("at", at)}
    return {**shown, "context": item.get("context")}


_READERS: dict[str, Callable[[str, object], object]] = {
    "name": _name,
    "message": _text,
    "verification_token": _token,
    "reset_token": _token,
    "new_device": _flag,
    "completed": _flag,
    "count": _count,
    "changes": _lines,
    "todos": _todos,
    "mails": _mails,
}
