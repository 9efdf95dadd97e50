"""Several administrators decide about the same dead letters at the same time."""

import json
from datetime import timedelta
from typing import Any

import eventlet
import pytest

from common import clock
from common.errors import Conflict, NotFound, SuiteError
from services.messaging import dead_letters
from services.messaging.dead_letters import DeadLetters
from tests.integration.messaging.conftest import QUEUE, dead
from tests.integration.running import Somebody, Wire, eventually


def at_once(config: dict[str, Any], *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """What each of these calls was answered, all made at the same time."""

    def make(call: tuple[str, dict[str, Any]]) -> Any:
        somebody = Somebody(config, role="admin")
        try:
            return getattr(somebody.call.messaging, call[0])(**call[1])
        except SuiteError as error:
            return type(error)
        finally:
            somebody.stop()

    return list(eventlet.GreenPool().imap(make, calls))


def test_letters_that_several_replay_at_once_are_sent_once(
    config: dict[str, Any], letters: DeadLetters, wire: Wire
) -> None:
    ids = [dead(letters) for _ in range(20)]
    answers = at_once(config, *[("replay_dead_letters", {"data": {}})] * 4)
    assert sum(answer["replayed"] for answer in answers) == 20
    sent = sorted(json.loads(wire.take(QUEUE).body)["message_id"] for _ in range(20))
    assert sent == sorted(ids)
    assert (wire.count(QUEUE), letters.count()) == (0, 0)


def test_of_those_who_replay_and_delete_one_letter_one_has_it(
    config: dict[str, Any], letters: DeadLetters, wire: Wire
) -> None:
    for one in [dead(letters) for _ in range(5)]:
        about = {"letter_id": one}
        answers = at_once(
            config, *[("replay_dead_letter", about)] * 4, *[("delete_dead_letter", about)] * 4
        )  # fmt: skip
        won = [answer for answer in answers if answer not in (Conflict, NotFound)]
        assert len(won) == 1
        eventually(lambda won=won: wire.count(QUEUE) == (won[0] is not None))
        wire.purge(QUEUE)


def test_a_letter_whose_taker_has_died_is_free_again(letters: DeadLetters) -> None:
    one = dead(letters)
    assert letters.take(one)["_id"] == one
    with pytest.raises(Conflict):
        letters.take(one)
    assert letters.take_oldest({}, 10) == []
    over = clock.now() - dead_letters._TAKEN - timedelta(seconds=1)
    letters._letters.update_one({"_id": one}, {"$set": {"taken_until": over}})
    assert letters.take(one)["_id"] == one
    letters.give_back([{"_id": one}])
    assert [letter["_id"] for letter in letters.take_oldest({}, 10)] == [one]
