"""JSON as RFC 8259 means it: what Python's parser lets through and others don't is refused here.

Refused: ``NaN`` and ``Infinity`` (also as a number too large, such as ``1e999`` or 400 nines), a key twice
in one object, lone surrogates, bytes that are no UTF-8, nesting deeper than ``DEEPEST``, and an object with
exactly the keys ``__type__`` and ``__value__``, which the message serializer would take for an encoded
value.
"""

import json
import math
import re
import sys
from typing import Any, NoReturn

import orjson

from common.errors import BadRequest

DEEPEST = 32
_MOST_DIGITS = sys.float_info.max_10_exp  # 308
"""What is longer is Infinity to whoever reads numbers as floats (RFC 8259, section 6)."""
_MARK = "\ufeff"
"""A byte order mark, which Python's parser refuses with a word for it; its decoder alone has none."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_RESERVED = {"__type__", "__value__"}


def loads(raw: bytes) -> Any:
    """Parse a request's body; BadRequest tells what is wrong with it."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text) if text.startswith(_MARK) else _decoder.decode(text)
    except UnicodeDecodeError:
        raise BadRequest("malformed_json", "The body is not valid UTF-8.") from None
    except RecursionError:
        raise BadRequest("malformed_json", f"The body is nested deeper than {DEEPEST} levels.") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise BadRequest("malformed_json", f"The body is not valid JSON: {problem.msg} at {where}.") from None
    except ValueError as problem:
        raise BadRequest("malformed_json", f"The body is not valid JSON: {problem}.") from None
    if "\\u" in text or text.count("[") + text.count("{") > DEEPEST:
        _check(value, 1)  # else nothing can be wrong: UTF-8 has no surrogates, and depth needs brackets
    return value


def dumps(value: Any) -> str:
    """Compact JSON; anything that JSON does not know is an error, not a guess."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode(value: Any) -> bytes:
    """The same as UTF-8, several times as fast; for answers and calls, which are made of our own values.

    TypeError or ValueError for what JSON does not know; but ``NaN`` is null, and a lone surrogate is escaped.
    """
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # also for an integer beyond 64 bits
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    if found.keys() == _RESERVED:
        raise ValueError("an object with the keys __type__ and __value__ is not accepted")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _int(digits: str) -> int:
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise ValueError("a number is too large")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


# Made once: it takes as long as reading a small body with it.
_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_int, parse_float=_float
)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict | list):
        if depth > DEEPEST:
            raise BadRequest("malformed_json", f"The body is nested deeper than {DEEPEST} levels.")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)
        for key in value if isinstance(value, dict) else ():
            _check_text(key)


def _check_text(text: str) -> None:
    if _SURROGATE.search(text):
        raise BadRequest("malformed_json", "The body has a lone surrogate in a string.")
