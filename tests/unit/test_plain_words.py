"""What a client reads of a wrong field are words for people, whatever is wrong with it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import ValidationFailed
from common.schemas import StrictSchema, load
from services.auth import schemas as auth
from services.messaging import schemas as messaging
from services.todos import bulk, queries
from services.todos import schemas as todos
from services.users import schemas as users

WRONG: tuple[Any, ...] = (
    None, True, -1, 1.5, 10**30, "", "x", "x" * 20_000, "\0", [], [None], [[1]], [{}], {}, {"a": 1},
    {"a": {"b": None}},
)  # fmt: skip
OF_PYTHON = re.compile(r"NoneType|mapping|iterable|[<>]|\b(dict|str|int|float|bool|tuple|None|True|False)\b")
SCHEMAS = {
    f"{module.__name__}.{name}": found
    for module in (auth, users, todos, queries, bulk, messaging)
    for name, found in vars(module).items()
    if isinstance(found, type) and issubclass(found, StrictSchema) and found is not StrictSchema
}


def messages(schema: type[StrictSchema]) -> Iterator[str]:
    """All that is said of wrong values in each field, and in place of the whole."""
    inputs = [*WRONG, *({name: value} for name in schema().fields for value in WRONG)]
    for given in inputs:
        try:
            load(schema, given)
        except ValidationFailed as refusal:
            yield from (one for several in refusal.details.values() for one in several)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_what_is_said_of_a_wrong_field_has_no_word_of_python(name: str) -> None:
    found = set(messages(SCHEMAS[name]))
    assert found
    assert [one for one in found if OF_PYTHON.search(one)] == []
