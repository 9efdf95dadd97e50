"""Keep secrets out of the log, at any depth of what is logged."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "[redacted]"
_SECRET_KEY = re.compile(
    r"(^|[_-]|(?<=[a-z])(?=[A-Z]))"
    r"(?i:password|passwd|pass|secret|token|authorization|cookie|hash|(api|private|secret)[_-]?key)s?$"
)
_SECRET_TEXT = re.compile(
    r"(?P<bearer>bearer\s+)\S+"
    r"|(?<![\w-])eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"
    r"|\$2[abxy]\$\d\d\$[./\w]{20,}"
    r"|(?P<scheme>\b\w{1,20}://[^\s:/@]*):[^\s@/]+@"
    r"|(?P<param>[?&](?:token|access_token|\w*password)=)[^&\s]+",
    re.I,
)
_QUOTE = r"\\{0,15}[\"']"
_WORDS_BEFORE = r"(?:[\w.-]*(?:[._-]|(?-i:(?<=[a-z])(?=[A-Z]))))?"
_SECRET_IN_QUOTES = re.compile(
    rf"(?P<key>[\"'](?:{_WORDS_BEFORE}"
    r"(?:password|passwd|pass|secret|token|authorization|cookie|hash|(?:api|private|secret)[_-]?key)s?"
    rf"|(?P<code>(?:(?:recovery|backup|verification)[._-]?)?(?:code|otp)s?))(?P<end>{_QUOTE})\s*:\s*)"
    # Its value, to the quote that is escaped as the first one was, or to the end of what was cut off.
    rf"(?P<value>b?(?P<quote>{_QUOTE})(?!(?P=quote)).*?(?:(?<!\\)(?P=quote)|$)"
    r"|\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*(?:\]|$)|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*(?:\}|$)|[\[{].*"
    r"|(?!null|none|true|false)[^\s\"',\[\]{}\\]+)",
    re.I | re.S,
)
"""A secret by its name in JSON, or in Python's own words, inside a text; also if that was quoted again."""
_DIGIT = re.compile(r"\d")
_PLAIN = (int, float, bool, type(None))
_DEEPEST = 8


def redact_line(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same for a line of the log. Nearly all hold no secret: one look at all their texts shows it."""
    texts = []
    for item in event.values():
        if type(item) is str:
            texts.append(item)
        elif type(item) not in _PLAIN:
            return redact(event)  # type: ignore[no-any-return]
    if _has_secret_name(tuple(event)) or _may_hold_one("\n".join(texts)):
        return redact(event)  # type: ignore[no-any-return]
    return event


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of ``value`` in which secret keys' values, tokens and passwords in URLs are masked."""
    if isinstance(value, str):
        return _redact_text(value) if _may_hold_one(value) else value
    if isinstance(value, BaseException | bytes):
        return redact(repr(value), depth)
    if depth > _DEEPEST:
        return MASK
    if isinstance(value, dict):
        return {
            key: MASK if _is_secret(key, item) else redact(item, depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    return value


def _redact_text(text: str) -> str:
    if _has_names(text):
        text = _SECRET_IN_QUOTES.sub(_mask_value, text)
    return _SECRET_TEXT.sub(_mask, text)


def _has_names(text: str) -> bool:
    """Whether a text has something in quotes before a colon, as JSON has its names."""
    if '"' not in text and "'" not in text:  # nearly all
        return False
    return '":' in text or "':" in text or '" :' in text or "' :" in text


def _may_hold_one(text: str) -> bool:
    """Whether a text has what one of the patterns above must find; most texts on a line are ids."""
    folded = text.casefold()
    return (
        "eyj" in folded or "bearer" in folded or "$2" in folded or "://" in folded
        or "token=" in folded or "password=" in folded or _has_names(text)
    )  # fmt: skip


def _is_secret(key: Any, value: Any) -> bool:
    return bool(value) and isinstance(key, str) and _is_secret_name(key)


@lru_cache(1024)
def _has_secret_name(names: tuple[str, ...]) -> bool:
    return any(isinstance(name, str) and _is_secret_name(name) for name in names)


@lru_cache(1024)
def _is_secret_name(name: str) -> bool:
    return _SECRET_KEY.search(name) is not None


def _mask_value(match: re.Match[str]) -> str:
    """What stands in place of it. Of codes, texts with a digit are secrets; "not_found" is none."""
    if match["code"] and (match["value"][0].isdigit() or not _DIGIT.search(match["value"])):
        return match[0]
    quote = match["quote"] or match["end"]
    return f"{match['key']}{quote}{MASK}{quote}"


def _mask(match: re.Match[str]) -> str:
    if match["scheme"]:
        return f"{match['scheme']}:{MASK}@"
    return f"{match['bearer'] or match['param'] or ''}{MASK}"
