"""Registrations of one address at the same instant."""

import uuid
from collections.abc import Callable
from typing import Any

from common.errors import Conflict
from tests.integration.accounts.conftest import PASSWORD, Visitor
from tests.integration.users.test_users import outcomes

PAIRS = 50


def test_of_fifty_pairs_who_register_one_address_at_once_in_different_cases_one_each_wins(
    visitor: Visitor, sql: Callable[..., list[Any]]
) -> None:
    first, second = visitor(), visitor()
    mark = uuid.uuid4().hex[:8]
    spellings = (f"pair{{}}-{mark}@example.com", f"Pair{{}}-{mark.upper()}@EXAMPLE.com")
    for number in range(PAIRS):
        data = [
            {"email": one.format(number), "name": "Ada", "password": PASSWORD}
            for one in spellings
        ]  # fmt: skip
        found = outcomes(
            lambda data=data: first.register(data=data[0]), lambda data=data: second.register(data=data[1])
        )
        # Conflict is answered 409, a result 201.
        assert found.count(Conflict) == 1, found
        assert [one["user"]["name"] for one in found if one is not Conflict] == ["Ada"]
    made = sql("SELECT count(*), count(DISTINCT email_key) FROM users WHERE email_key LIKE %s", f"%-{mark}@%")
    assert made == [(PAIRS, PAIRS)]
