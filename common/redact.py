"""Keep secrets out of the log, at any depth of what is logged."""

import re
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
    r"|(?P<param>[?&](?:token|access_token|password)=)[^&\s]+",
    re.I,
)
_MARK = re.compile(r"[\s.$=]|://")
_DEEPEST = 8


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of ``value`` in which secret keys' values, tokens and passwords in URLs are masked."""
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_mask, value) if _may_hold_one(value) else value
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


def _may_hold_one(text: str) -> bool:
    """Whether a text has what each kind of secret in it must have; most texts on a line are ids."""
    return len(text) > 5 and _MARK.search(text) is not None


def _is_secret(key: Any, value: Any) -> bool:
    return bool(value) and isinstance(key, str) and _is_secret_name(key)


@lru_cache(1024)
def _is_secret_name(name: str) -> bool:
    return _SECRET_KEY.search(name) is not None


def _mask(match: re.Match[str]) -> str:
    if match["scheme"]:
        return f"{match['scheme']}:{MASK}@"
    return f"{match['bearer'] or match['param'] or ''}{MASK}"
