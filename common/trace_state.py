"""The header ``tracestate`` of W3C Trace Context: what the systems that a trace has come through say of it.

The suite adds nothing and passes it on, beside its ``traceparent``, within the specification's limits.
"""

import re

_KEY = r"[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}|[a-z][a-z0-9_\-*/]{0,255}"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(f"(?P<key>{_KEY})={_VALUE}")
_MOST_MEMBERS, _MOST_CHARACTERS, _LONG_MEMBER = 32, 512, 128


def cleaned(text: str) -> str:
    """The header with what it says, shortened if it is too long; empty if it is none."""
    members = [member for one in text.split(",", _MOST_CHARACTERS) if (member := one.strip(" \t"))]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match["key"] for match in matches if match}
    return _shortened(members) if len(keys) == len(members) <= _MOST_MEMBERS else ""


def _shortened(members: list[str]) -> str:
    """By the specification long members go first, then the last ones, which are the oldest."""
    if len(",".join(members)) > _MOST_CHARACTERS:
        members = [member for member in members if len(member) <= _LONG_MEMBER]
    while len(text := ",".join(members)) > _MOST_CHARACTERS:
        members.pop()
    return text
