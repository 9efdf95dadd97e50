"""The bodies of calls: JSON, read and written by orjson, and by Python's own module where that is stricter.

orjson knows no lone surrogates and no ``NaN``; Python's module does, as Nameko's serializer does. An integer
beyond 64 bits arrives as a float. A body in which Nameko's serializer would see an encoded value
(``__type__``) is left to it.
"""

from typing import Any

import kombu.serialization
import orjson

from common import strict_json

_JSON = "application/json"
_ENCODED = b'"__type__"'

dumps = strict_json.encode


def loads(body: bytes, properties: dict[str, Any], accept: set[str]) -> Any:
    """The value of a message's body; raises what its serializer raises."""
    content_type = properties.get("content_type")
    if content_type == _JSON and _ENCODED not in body:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # Python's module may know better, and has the better words
    encoding = properties.get("content_encoding", "utf-8")
    return kombu.serialization.loads(body, content_type, encoding, accept=accept)


def is_plain(value: Any) -> bool:
    """Whether a value is JSON that any reader and any database can take.

    Python's module reads more: half a surrogate pair, a number beyond 64 bits.
    """
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
