"""Refresh tokens that are exchanged at the same moment."""

from collections.abc import Callable
from typing import Any

import eventlet
import pytest

from common.errors import Unauthenticated
from services.users import sessions
from tests.integration.accounts.conftest import PASSWORD, Visitor


def test_of_many_who_exchange_one_token_at_once_one_family_is_left_and_late_ones_end_it(
    account: Callable[..., dict[str, Any]], visitor: Visitor, sql: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ada, clients = account(), [visitor() for _ in range(8)]
    pair = clients[0].login(data={"email": ada["email"], "password": PASSWORD})
    old = {"refresh_token": pair["refresh_token"]}
    found = list(eventlet.GreenPool().imap(lambda one: one.refresh(data=old), clients))

    [new] = {one["refresh_token"] for one in found}
    assert new != pair["refresh_token"]
    assert sql("SELECT count(*) FROM sessions WHERE user_id = %s", ada["id"]) == [(1,)]
    newer = clients[0].refresh(data={"refresh_token": new})["refresh_token"]
    monkeypatch.setattr(sessions, "REUSE_GRACE", sessions.REUSE_GRACE * 0)
    for token in (pair["refresh_token"], newer):
        with pytest.raises(Unauthenticated, match="invalid_refresh_token"):
            clients[0].refresh(data={"refresh_token": token})
    assert sql("SELECT count(*) FROM sessions WHERE user_id = %s", ada["id"]) == [(0,)]
